"""What a caller notices when an encoder or a device fails: the culprit pays, nobody hangs."""

import asyncio
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from engine_parts import (
    RATE,
    FakeClock,
    FrameEncoder,
    Gate,
    constant,
    engine_with,
    frame_features,
    noise,
    request_of,
    run,
    until,
)

from app.engine import Engine, EngineOptions
from app.engine.types import FloatArray
from app.errors import AudioError, ConfigurationError, EncodingError, UnavailableError
from app.telemetry import Telemetry

POISON = 666.0


class OutOfMemoryError(RuntimeError):
    """What torch.OutOfMemoryError looks like from outside."""


def fails_on_poison(windows: Sequence[FloatArray]) -> None:
    if any(wave[-1] == POISON for wave in windows):
        raise ValueError("NaN in the attention\nof layer 7")


def fails_above(seconds: float, error: Exception):
    def check(windows: Sequence[FloatArray]) -> None:
        if sum(len(wave) for wave in windows) > seconds * RATE:
            raise error

    return check


async def held_back(engine: Engine, encoder: FrameEncoder, requests, before):
    """Queue all requests behind one that holds the device; then run with that hook."""
    encoder.before = gate = Gate()
    blocker = asyncio.create_task(engine.encode(request_of(constant(0, 1))))
    await until(gate.entered.is_set)
    tasks = [asyncio.create_task(engine.encode(request)) for request in requests]
    await until(lambda: engine.status().queued_windows >= len(requests))
    encoder.before = before
    encoder.calls.clear()
    gate.open()
    await blocker
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_only_the_culprit_of_a_failing_batch_gets_the_error():
    async def test():
        encoder = FrameEncoder()
        waves = [noise(seed, 10) for seed in range(8)]
        waves[5][-1] = POISON
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            answers = await held_back(
                engine, encoder, [request_of(wave) for wave in waves], fails_on_poison
            )
            assert not engine.status().fault
            assert engine.status().queue_audio_seconds == 0
        assert len(encoder.calls[0]) == 8
        error = answers.pop(5)
        assert isinstance(error, EncodingError)
        assert "from 0.0 s to 10.0 s" in error.message
        assert "NaN in the attention" in error.message
        del waves[5]
        for wave, answer in zip(waves, answers, strict=True):
            np.testing.assert_array_equal(answer.emissions, frame_features(wave))

    run(test())


def test_failure_in_a_long_recording_says_where_and_stops_the_rest():
    async def test():
        def fails_on_any_poison(windows):
            if any((wave == POISON).any() for wave in windows):
                raise ValueError("bad")

        encoder = FrameEncoder()
        wave = constant(1, 200)
        wave[45 * RATE : 46 * RATE] = POISON
        async with engine_with(encoder) as engine:
            encoder.before = fails_on_any_poison
            with pytest.raises(
                EncodingError, match=r"from [34]\d\.\d s to [45]\d\.\d s: ValueError: bad"
            ):
                await engine.encode(request_of(wave))
            failed_after = len(encoder.calls)
            assert failed_after < 5
            await engine.encode(request_of(constant(2, 3)))
            assert encoder.calls[failed_after:] == [[2.0]]

    run(test())


def test_encoders_own_error_reaches_its_request_unchanged():
    async def test():
        def non_finite(windows):
            if any(wave[-1] == POISON for wave in windows):
                raise EncodingError("The model gave values that are not finite.")

        encoder = FrameEncoder()
        bad, good = noise(1, 10), noise(2, 10)
        bad[-1] = POISON
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            answers = await held_back(
                engine, encoder, [request_of(bad), request_of(good)], non_finite
            )
        assert str(answers[0]) == "The model gave values that are not finite."
        np.testing.assert_array_equal(answers[1].emissions, frame_features(good))

    run(test())


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(AudioError("The recording is gone."), AudioError), (OSError("gone"), EncodingError)],
)
def test_samples_that_cannot_be_fetched_fail_their_request_only(raised, expected):
    async def test():
        def fetch(span):
            raise raised

        encoder = FrameEncoder()
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            bad, good = await held_back(
                engine,
                encoder,
                [request_of(noise(1, 10), fetch=fetch), request_of(noise(2, 10))],
                None,
            )
        assert isinstance(bad, expected)
        assert "gone" in str(bad)
        np.testing.assert_array_equal(good.emissions, frame_features(noise(2, 10)))

    run(test())


def test_window_callback_that_fails_fails_its_request_only():
    async def test():
        def broken(index, kept):
            raise ZeroDivisionError("in the callback")

        async with engine_with(FrameEncoder()) as engine:
            other = asyncio.create_task(engine.encode(request_of(noise(2, 50))))
            with pytest.raises(ZeroDivisionError):
                await engine.encode(request_of(noise(1, 50)), on_window=broken)
            np.testing.assert_array_equal((await other).emissions, frame_features(noise(2, 50)))
            assert engine.status().queue_audio_seconds == 0

    run(test())


def test_encoder_that_loses_a_window_is_noticed():
    class LossyAfterWarmUp(FrameEncoder):
        lossy = False

        def encode(self, windows):
            results = super().encode(windows)
            return results[1:] if self.lossy else results

    async def test():
        encoder = LossyAfterWarmUp()
        async with engine_with(encoder) as engine:
            encoder.lossy = True
            with pytest.raises(EncodingError, match="0 results for 1 windows"):
                await engine.encode(request_of(noise(0, 3)))

    run(test())


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
        MemoryError("Unable to allocate 1 GiB"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_shrinks_the_batch_and_everybody_is_answered(error):
    async def test():
        encoder = FrameEncoder()
        waves = [noise(seed, 10) for seed in range(8)]
        async with engine_with(encoder, batch_seconds=80.0, recovery_batches=3) as engine:
            answers = await held_back(
                engine, encoder, [request_of(wave) for wave in waves], fails_above(25, error)
            )
            for wave, answer in zip(waves, answers, strict=True):
                np.testing.assert_array_equal(answer.emissions, frame_features(wave))
            assert engine.status().batch_seconds["m"] <= 25
            assert not engine.status().fault
            # With the memory back, the budget grows again, step by step up to where it was.
            encoder.before = None
            budgets = []
            for _ in range(40):
                await engine.encode(request_of(constant(1, 1)))
                budgets.append(engine.status().batch_seconds["m"])
            assert budgets[-1] == 80.0
            assert budgets == sorted(budgets)
            assert len(set(budgets)) > 4

    run(test())


def test_window_too_large_for_the_memory_gets_its_error_and_others_their_answer():
    async def test():
        encoder = FrameEncoder()
        error = OutOfMemoryError("CUDA out of memory")
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            large, small = await held_back(
                engine,
                encoder,
                [request_of(noise(1, 18)), request_of(noise(2, 17))],
                fails_above(17.5, error),
            )
        assert isinstance(large, EncodingError)
        assert "out of memory" in large.message
        np.testing.assert_array_equal(small.emissions, frame_features(noise(2, 17)))

    run(test())


def test_hung_batch_turns_readiness_off_fails_what_waits_and_recovers():
    async def test():
        telemetry = Telemetry()
        encoder = FrameEncoder()
        async with engine_with(encoder, telemetry=telemetry, hang_seconds=1.2) as engine:
            encoder.before = gate = Gate()
            tasks = [
                asyncio.create_task(engine.encode(request_of(noise(seed, 30)))) for seed in range(3)
            ]
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            for answer in answers:
                assert isinstance(answer, UnavailableError)
                assert answer.code == "hung"
            status = engine.status()
            assert "has been busy with one batch" in status.fault
            assert (status.queued_windows, status.queue_audio_seconds) == (0, 0)
            with pytest.raises(UnavailableError, match="counts as hung"):
                await engine.encode(request_of(noise(0, 3)))
            encoder.before = None
            gate.open()
            await until(lambda: not engine.status().fault)
            answer = await engine.encode(request_of(noise(9, 30)))
            np.testing.assert_array_equal(answer.emissions, frame_features(noise(9, 30)))

    run(test())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit("gone"), "SystemExit"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "illegal memory"),
    ],
    ids=["thread dies", "device lost"],
)
def test_dead_device_thread_turns_readiness_off_and_fails_all(error, reason):
    async def test():
        def die(windows):
            raise error

        encoder = FrameEncoder()
        async with engine_with(encoder, hang_seconds=60.0) as engine:
            encoder.before = die
            tasks = [
                asyncio.create_task(engine.encode(request_of(noise(seed, 30)))) for seed in range(3)
            ]
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            for answer in answers:
                assert isinstance(answer, UnavailableError)
                assert answer.code == "failed"
            status = engine.status()
            assert reason in status.fault
            assert status.queue_audio_seconds == 0
            with pytest.raises(UnavailableError):
                await engine.encode(request_of(noise(0, 3)))

    run(test())


def test_hung_device_leaves_another_device_serving():
    async def test():
        stuck, fine = FrameEncoder(device="cuda:0"), FrameEncoder(device="cuda:1")
        async with engine_with(stuck, fine, hang_seconds=1.2) as engine:
            stuck.before = gate = Gate()
            # Runs from before the hang until after it has been noticed.
            fine.before = lambda windows: time.sleep(0.1)
            recording = noise(1, 18 * 20)
            other = asyncio.create_task(engine.encode(request_of(recording, "m2")))
            with pytest.raises(UnavailableError):
                await engine.encode(request_of(noise(0, 3)))
            assert engine.status().fault
            np.testing.assert_array_equal((await other).emissions, frame_features(recording))
            gate.open()

    run(test())


def test_process_that_was_stopped_and_continued_does_not_take_its_device_for_hung():
    async def test():
        clock = FakeClock()
        encoder = FrameEncoder()
        async with engine_with(encoder, clock=clock, hang_seconds=4.0) as engine:
            encoder.before = gate = Gate()
            task = asyncio.create_task(engine.encode(request_of(noise(1, 3))))
            await until(gate.entered.is_set)
            # What SIGSTOP and a closed laptop do: time passes, and no thread ran meanwhile.
            clock.now += 15
            assert not engine.status().fault
            assert not engine.status().fault
            gate.open()
            np.testing.assert_array_equal((await task).emissions, frame_features(noise(1, 3)))

    run(test())


def test_hang_during_warm_up_fails_the_start():
    async def test():
        gate = Gate()
        engine = Engine(EngineOptions(hang_seconds=1.2), Telemetry())
        with pytest.raises(UnavailableError):
            await engine.start({"m": FrameEncoder(before=gate)})
        assert engine.status().fault
        gate.open()
        engine.stop()

    run(test())


def test_error_during_warm_up_is_raised_and_the_model_not_served():
    async def test():
        async with engine_with(FrameEncoder()) as engine:
            with pytest.raises(ConfigurationError, match="does not fit"):
                await engine.add("big", FrameEncoder(before=fails_above(5, MemoryError())))
            with pytest.raises(UnavailableError):
                await engine.encode(request_of(noise(0, 3), "big"))
            assert not engine.status().fault
            await engine.encode(request_of(noise(0, 3)))

    run(test())


def test_no_thread_is_left_after_stop():
    async def test():
        async with engine_with(FrameEncoder()) as engine:
            await engine.encode(request_of(noise(0, 3)))
            assert any(thread.name == "device-cpu" for thread in threading.enumerate())
        assert all(thread.name != "device-cpu" for thread in threading.enumerate())

    run(test())
