"""What a caller of the engine notices while the encoders work as they should."""

import asyncio

import numpy as np
import pytest
from engine_parts import (
    RATE,
    FrameEncoder,
    Gate,
    constant,
    engine_with,
    frame_features,
    noise,
    request_of,
    run,
    sample,
    spans,
    until,
)

from app.engine import EncodeRequest
from app.errors import AudioError, UnavailableError
from app.telemetry import Telemetry


def test_concurrent_recordings_each_get_the_emissions_of_a_single_pass():
    async def test():
        recordings = [noise(seed, 0.1 + 7.3 * seed) for seed in range(12)]
        async with engine_with(FrameEncoder(), batch_seconds=60.0) as engine:
            answers = await asyncio.gather(*(engine.encode(request_of(r)) for r in recordings))
        for recording, answer in zip(recordings, answers, strict=True):
            np.testing.assert_array_equal(answer.emissions, frame_features(recording))
            assert answer.emissions.dtype == np.float32
            assert answer.queue_seconds >= 0
            assert answer.encode_seconds >= 0

    run(test())


def test_windows_are_reported_in_order_as_they_finish():
    async def test():
        recording = noise(1, 70)
        seen: list[tuple[int, np.ndarray]] = []
        async with engine_with(FrameEncoder()) as engine:
            answer = await engine.encode(
                request_of(recording), on_window=lambda *window: seen.append(window)
            )
        assert [index for index, _ in seen] == list(range(len(spans(len(recording)))))
        np.testing.assert_array_equal(np.concatenate([kept for _, kept in seen]), answer.emissions)

    run(test())


def test_samples_are_fetched_only_for_the_batch_that_runs():
    async def test():
        encoder = FrameEncoder()
        fetched = []
        recording = noise(1, 200)

        def fetch(span):
            fetched.append(span)
            return recording[span.start : span.stop]

        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            task = asyncio.create_task(engine.encode(request_of(recording, fetch=fetch)))
            await until(gate.entered.is_set)
            assert len(fetched) == 1
            gate.open()
            await task
            assert fetched == spans(len(recording))

    run(test())


def test_models_on_one_device_alternate_and_never_share_a_batch():
    async def test():
        first, second = FrameEncoder(), FrameEncoder()
        order = []
        async with engine_with(first, second, batch_seconds=60.0) as engine:
            first.before = gate = Gate()
            held = asyncio.create_task(engine.encode(request_of(constant(9, 1))))
            await until(gate.entered.is_set)
            first.before = lambda windows: order.append("m")
            second.before = lambda windows: order.append("m2")
            tasks = [
                asyncio.create_task(engine.encode(request_of(noise(seed, 200), model)))
                for seed, model in enumerate(["m", "m2"])
            ]
            await until(lambda: engine.status().queued_windows == 2 * len(spans(200 * RATE)))
            gate.open()
            answers = await asyncio.gather(*tasks)
            await held
        for seed, answer in enumerate(answers):
            np.testing.assert_array_equal(answer.emissions, frame_features(noise(seed, 200)))
        assert order[:4] == ["m", "m2", "m", "m2"]

    run(test())


def test_model_added_later_is_served_while_others_run():
    async def test():
        encoder, late = FrameEncoder(), FrameEncoder()
        async with engine_with(encoder) as engine:
            with pytest.raises(UnavailableError, match="'late' is not loaded") as refused:
                await engine.encode(request_of(noise(1, 5), "late"))
            assert refused.value.code == "loading"
            running = asyncio.create_task(engine.encode(request_of(noise(0, 300))))
            await engine.add("late", late)
            answer = await engine.encode(request_of(noise(1, 5), "late"))
            np.testing.assert_array_equal(answer.emissions, frame_features(noise(1, 5)))
            np.testing.assert_array_equal((await running).emissions, frame_features(noise(0, 300)))
            assert set(engine.status().batch_seconds) == {"m", "late"}

    run(test())


def test_status_and_metrics_follow_queue_and_batches():
    async def test():
        telemetry = Telemetry()
        encoder = FrameEncoder()
        async with engine_with(encoder, telemetry=telemetry, batch_seconds=40.0) as engine:
            idle = engine.status()
            assert idle.fault == ""
            assert idle.batch_seconds == {"m": 40.0}
            assert idle.real_time_factor["m"] > 0
            assert (
                sample(
                    *(telemetry, "nordlyd_model_info"),
                    **{"model": "m", "device": "cpu", "dtype": "float32", "kernels": "torch"},
                )
                == 1
            )
            encoder.before = gate = Gate()
            tasks = [
                asyncio.create_task(engine.encode(request_of(constant(1, s)))) for s in (20, 20, 19)
            ]
            await until(lambda: gate.entered.is_set() and engine.status().queued_windows > 0)
            busy = engine.status()
            assert (busy.running, busy.queued_windows) in {(1, 2), (2, 1)}
            assert busy.queue_audio_seconds == pytest.approx(59)
            assert sample(telemetry, "nordlyd_queue_audio_seconds") == pytest.approx(59)
            gate.open()
            await asyncio.gather(*tasks)
        assert sample(telemetry, "nordlyd_queue_audio_seconds") == 0
        assert sample(telemetry, "nordlyd_batch_items_sum", model="m") == 3
        assert sample(telemetry, "nordlyd_batch_items_count", model="m") == 2
        padded = sample(telemetry, "nordlyd_batch_padded_seconds_sum", model="m")
        assert 59 <= padded <= 60
        assert sample(telemetry, "nordlyd_batch_padding_share_sum", model="m") < 0.05

    run(test())


def test_engine_without_models_reports_a_fault():
    async def test():
        async with engine_with() as engine:
            assert engine.status().fault == "no model is loaded"
            await engine.add("m", FrameEncoder())
            assert not engine.status().fault

    run(test())


def test_recording_without_a_window_is_refused():
    async def test():
        async with engine_with(FrameEncoder()) as engine:
            with pytest.raises(AudioError, match="too short"):
                await engine.encode(EncodeRequest("m", [], lambda span: constant(0, 1), "r"))

    run(test())


@pytest.mark.long
def test_idle_engine_reports_no_fault():
    async def test():
        async with engine_with(FrameEncoder(), hang_seconds=2.0) as engine:
            await asyncio.sleep(2.5)
            assert not engine.status().fault

    run(test())
