"""Which requests are admitted, which wait, and which are refused with which Retry-After."""

import asyncio
import time

import pytest
from engine_parts import (
    RATE,
    FakeClock,
    FrameEncoder,
    Gate,
    constant,
    engine_with,
    noise,
    request_of,
    run,
    until,
)

from app.errors import DeadlineExceededError, OverloadedError


def test_overload_is_refused_with_the_time_the_queue_needs():
    async def test():
        clock = FakeClock()
        gate = Gate()

        def half_real_time(windows):
            clock.now += sum(len(wave) for wave in windows) / RATE / 2

        encoder = FrameEncoder(before=half_real_time)
        async with engine_with(
            encoder, clock=clock, max_queue_seconds=100, hang_seconds=1e6
        ) as engine:
            assert engine.status().real_time_factor["m"] == pytest.approx(0.5)
            encoder.before = gate
            tasks = [
                asyncio.create_task(
                    engine.encode(request_of(constant(1, 18), caller=f"caller {number}"))
                )
                for number in range(5)
            ]
            await until(gate.entered.is_set)
            with pytest.raises(OverloadedError) as refused:
                await engine.encode(request_of(constant(2, 16), caller="late"))
            # With the 90 s queued 106 s, 100 s accepted: 6 s of audio at factor 0.5.
            assert refused.value.retry_after == pytest.approx(3)
            gate.open()
            await asyncio.gather(*tasks)
            assert engine.status().queue_audio_seconds == 0

    run(test())


def test_recording_longer_than_the_queue_is_served_beside_others():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder, max_queue_seconds=20) as engine:
            encoder.before = gate = Gate()
            other = asyncio.create_task(engine.encode(request_of(constant(1, 6), caller="other")))
            await until(gate.entered.is_set)
            long = asyncio.create_task(engine.encode(request_of(noise(0, 100), caller="long")))
            await until(lambda: engine.status().queue_audio_seconds > 100)
            # Nor does it keep a third caller out.
            clip = asyncio.create_task(engine.encode(request_of(noise(2, 3), caller="third")))
            gate.open()
            await asyncio.gather(other, clip)
            assert len((await long).emissions) == FrameEncoder().frames(100 * RATE)

    run(test())


def test_request_that_waits_for_room_is_computed_once_the_queue_has_some():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder, max_queue_seconds=4) as engine:
            encoder.before = gate = Gate()
            first = asyncio.create_task(engine.encode(request_of(constant(1, 3))))
            await until(gate.entered.is_set)
            with pytest.raises(OverloadedError):
                await engine.encode(request_of(constant(2, 3)))
            waiting = asyncio.create_task(
                engine.encode(request_of(constant(3, 3), admission="wait"))
            )
            late = engine.encode(
                request_of(constant(4, 3), admission="wait", deadline=time.monotonic() + 0.05)
            )
            with pytest.raises(DeadlineExceededError):
                await late
            gate.open()
            await asyncio.gather(first, waiting)
        assert encoder.calls == [[1.0], [3.0]]

    run(test())


def test_live_step_is_served_while_the_queue_is_full():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder, max_queue_seconds=4) as engine:
            encoder.before = gate = Gate()
            first = asyncio.create_task(engine.encode(request_of(constant(1, 30))))
            await until(gate.entered.is_set)
            step = asyncio.create_task(
                engine.encode(request_of(constant(2, 3), admission="always", caller="live"))
            )
            await until(lambda: engine.status().queue_audio_seconds > 32)
            gate.open()
            await asyncio.gather(first, step)
        assert encoder.calls[1] == [2.0]

    run(test())


def test_single_request_of_a_caller_overtakes_the_many_of_another():
    async def test():
        encoder = FrameEncoder()
        async with engine_with(encoder) as engine:
            encoder.before = gate = Gate()
            many = [
                asyncio.create_task(engine.encode(request_of(constant(1, 3), caller="busy")))
                for _ in range(30)
            ]
            await until(gate.entered.is_set)
            await until(lambda: engine.status().queue_audio_seconds > 89)
            one = asyncio.create_task(engine.encode(request_of(constant(2, 3), caller="quiet")))
            await until(lambda: engine.status().queue_audio_seconds > 92)
            gate.open()
            await asyncio.gather(one, *many)
        assert 2.0 in encoder.calls[1]

    run(test())


def test_work_that_cannot_meet_its_deadline_is_not_started():
    async def test():
        clock = FakeClock()

        def half_real_time(windows):
            clock.now += sum(len(wave) for wave in windows) / RATE / 2

        encoder = FrameEncoder(before=half_real_time)
        async with engine_with(encoder, clock=clock, hang_seconds=1e6) as engine:
            with pytest.raises(DeadlineExceededError, match=r"takes about 9\.0 s"):
                await engine.encode(request_of(constant(1, 18), deadline=clock.now + 8))
            gate = Gate()

            def held(windows):
                gate(windows)
                half_real_time(windows)

            encoder.before = held
            first = asyncio.create_task(engine.encode(request_of(constant(2, 18))))
            await until(gate.entered.is_set)
            with pytest.raises(OverloadedError) as refused:
                await engine.encode(request_of(constant(3, 18), deadline=clock.now + 12))
            assert refused.value.retry_after == pytest.approx(6)
            waiting = asyncio.create_task(
                engine.encode(request_of(constant(4, 18), deadline=clock.now + 19))
            )
            await until(lambda: engine.status().queued_windows > 0)
            # Meanwhile something else took five seconds: four are missing.
            clock.now += 5
            gate.open()
            await first
            with pytest.raises(DeadlineExceededError):
                await waiting
        assert encoder.calls == [[2.0]]

    run(test())
