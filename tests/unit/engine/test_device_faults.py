"""Devices that hang, die or are too small: requests fail with a reason, and others are served."""

import asyncio
import gc
import threading
import time
import weakref

import numpy as np
import pytest
from engine_parts import (
    FakeClock,
    FrameEncoder,
    Gate,
    engine_with,
    fails_above,
    frame_features,
    noise,
    request_of,
    run,
    until,
)

from app.engine import Engine, EngineOptions
from app.errors import ConfigurationError, UnavailableError
from app.telemetry import Telemetry


@pytest.mark.long
def test_hung_batch_fails_waiting_requests_until_the_device_answers_again():
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
            with pytest.raises(UnavailableError, match="counts as hung"):
                await engine.add("another", FrameEncoder())
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
def test_dead_device_thread_fails_every_request(error, reason):
    async def test():
        def die(windows):
            raise error

        encoder = FrameEncoder()
        async with engine_with(encoder, hang_seconds=2.0) as engine:
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


@pytest.mark.long
def test_hung_device_does_not_affect_another_device():
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


def test_device_of_a_suspended_process_does_not_count_as_hung():
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


@pytest.mark.long
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


def test_model_whose_warm_up_fails_is_not_served():
    async def test():
        async with engine_with(FrameEncoder()) as engine:
            with pytest.raises(ConfigurationError, match="does not fit"):
                await engine.add("big", FrameEncoder(before=fails_above(5, MemoryError())))
            with pytest.raises(UnavailableError):
                await engine.encode(request_of(noise(0, 3), "big"))
            assert not engine.status().fault
            await engine.encode(request_of(noise(0, 3)))

    run(test())


def test_removed_model_is_served_no_more_and_its_encoder_is_released():
    async def test():
        encoder = FrameEncoder()
        released = weakref.ref(encoder)
        async with engine_with(FrameEncoder()) as engine:
            await engine.add("another", encoder)
            await engine.encode(request_of(noise(0, 3), "another"))
            del encoder
            await engine.remove("another")
            await engine.remove("another")
            gc.collect()
            assert released() is None
            with pytest.raises(UnavailableError):
                await engine.encode(request_of(noise(0, 3), "another"))
            await engine.encode(request_of(noise(0, 3)))
            await engine.add("another", FrameEncoder())
            await engine.encode(request_of(noise(0, 3), "another"))

    run(test())


def test_replacement_of_a_model_stays_on_its_device():
    async def test():
        async with engine_with(FrameEncoder(device="cuda:0")) as engine:
            with pytest.raises(ConfigurationError, match=r"on the same device, not on cuda:1"):
                await engine.add("m", FrameEncoder(device="cuda:1"))
            await engine.add("m", replacement := FrameEncoder(device="cuda:0"))
            replacement.calls.clear()
            await engine.encode(request_of(noise(0, 3)))
            assert len(replacement.calls) == 1

    run(test())


def test_no_thread_is_left_after_stop():
    async def test():
        async with engine_with(FrameEncoder()) as engine:
            await engine.encode(request_of(noise(0, 3)))
            assert any(thread.name == "device-cpu" for thread in threading.enumerate())
        assert all(thread.name != "device-cpu" for thread in threading.enumerate())

    run(test())
