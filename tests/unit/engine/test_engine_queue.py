"""The order of requests, and which are not served: cancellation, deadlines, shutdown."""

import asyncio
import gc
import time
import weakref

import pytest
from engine_parts import (
    RATE,
    FrameEncoder,
    Gate,
    constant,
    engine_with,
    noise,
    request_of,
    run,
    sample,
    spans,
    until,
)

from app.errors import DeadlineExceededError, UnavailableError
from app.telemetry import Telemetry


def test_clip_sent_while_a_long_file_runs_is_in_the_next_batch():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            file = asyncio.create_task(engine.encode(request_of(constant(1, 200))))
            await until(gate.entered.is_set)
            clip = asyncio.create_task(engine.encode(request_of(constant(2, 3))))
            await until(lambda: engine.status().queued_windows > len(spans(200 * RATE)) - 1)
            gate.open()
            await asyncio.gather(file, clip)
        assert encoder.calls[:3] == [[1.0], [2.0], [1.0]]

    run(test())


def test_cancelled_request_is_not_computed_and_frees_its_place_in_the_queue():
    async def test():
        encoder = FrameEncoder()
        telemetry = Telemetry()
        async with engine_with(encoder, telemetry=telemetry) as engine:
            encoder.before = gate = Gate()
            first = asyncio.create_task(engine.encode(request_of(constant(1, 3))))
            await until(gate.entered.is_set)
            waiting = asyncio.create_task(engine.encode(request_of(constant(2, 100))))
            await until(lambda: engine.status().queued_windows > 0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert engine.status().queued_windows == 0
            assert engine.status().queue_audio_seconds == pytest.approx(3)
            gate.open()
            await first
        assert encoder.calls == [[1.0]]
        assert sample(telemetry, "nordlyd_failures_total", code="cancelled") == 1

    run(test())


def test_request_cancelled_while_its_first_window_runs_computes_no_other():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            task = asyncio.create_task(engine.encode(request_of(constant(1, 100))))
            await until(gate.entered.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert engine.status().queue_audio_seconds == 0
            gate.open()
            await engine.encode(request_of(constant(2, 3)))
        assert encoder.calls == [[1.0], [2.0]]

    run(test())


def test_thousand_cancelled_requests_leave_no_queued_work():
    class Recording:
        def fetch(self, span):
            return constant(3, 5)

    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            first = asyncio.create_task(engine.encode(request_of(constant(1, 3))))
            await until(gate.entered.is_set)
            recordings = [Recording() for _ in range(1000)]
            remains = [weakref.ref(recording) for recording in recordings]
            tasks = [
                asyncio.create_task(engine.encode(request_of(constant(2, 5), fetch=r.fetch)))
                for r in recordings
            ]
            await until(lambda: engine.status().queued_windows == 1000)
            del recordings
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert engine.status().queued_windows == 0
            gate.open()
            await first
            assert engine.status().queue_audio_seconds == 0
            del tasks, task
            gc.collect()
            assert sum(remain() is not None for remain in remains) == 0
        assert encoder.calls == [[1.0]]

    run(test())


def test_request_whose_deadline_passes_in_the_queue_is_never_computed():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            first = asyncio.create_task(engine.encode(request_of(constant(1, 3))))
            await until(gate.entered.is_set)
            with pytest.raises(DeadlineExceededError):
                await engine.encode(request_of(constant(2, 3), deadline=time.monotonic() + 0.05))
            gate.open()
            await first
            assert engine.status().queue_audio_seconds == 0
        assert encoder.calls == [[1.0]]

    run(test())


def test_request_whose_deadline_passes_while_it_runs_fails_at_once():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            with pytest.raises(DeadlineExceededError):
                await engine.encode(request_of(constant(1, 100), deadline=time.monotonic() + 0.05))
            gate.open()
            await engine.encode(request_of(constant(2, 3)))
        # The file's other windows were never computed.
        assert encoder.calls == [[1.0], [2.0]]

    run(test())


def test_deadline_in_the_past_is_refused():
    async def test():
        async with engine_with(FrameEncoder()) as engine:
            with pytest.raises(DeadlineExceededError, match="had passed when it arrived"):
                await engine.encode(request_of(constant(1, 3), deadline=time.monotonic() - 1))

    run(test())


def test_stop_fails_waiting_requests_and_refuses_new_ones():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            tasks = [asyncio.create_task(engine.encode(request_of(noise(0, 60)))) for _ in range(3)]
            await until(gate.entered.is_set)
            gate.open()
            engine.stop()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(answer, UnavailableError) for answer in answers)
            with pytest.raises(UnavailableError):
                await engine.encode(request_of(constant(1, 3)))
            with pytest.raises(UnavailableError):
                await engine.add("late", FrameEncoder())
            assert engine.status().fault

    run(test())
