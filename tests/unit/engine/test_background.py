"""Requests in the background are served while no other request waits, and never refused."""

import asyncio

import pytest
from engine_parts import (
    FakeClock,
    FrameEncoder,
    Gate,
    constant,
    engine_with,
    request_of,
    run,
    sample,
    until,
)
from scheduler_parts import leaders, scheduler, served

from app.telemetry import Telemetry


def test_background_windows_are_served_while_no_other_window_waits():
    queue = scheduler()
    queue.add(1, "m", [20] * 3, now=0, background=True)
    assert leaders(queue, 1) == [1]
    queue.add(2, "m", [20] * 2, now=0)
    queue.add(3, "m", [20], now=0, caller="other")
    assert leaders(queue, 5) == [2, 3, 2, 1, 1]
    assert queue.next_batch(0) is None
    assert queue.queued_windows == 0


def test_background_windows_do_not_fill_up_the_batches_of_other_requests():
    queue = scheduler(budget=80)
    queue.add(1, "m", [20] * 4, now=0, background=True)
    queue.add(2, "m", [20], now=0)
    assert served(queue.next_batch(0)) == [(2, 0)]
    batch = queue.next_batch(0)
    assert served(batch) == [(1, 0), (1, 1), (1, 2), (1, 3)]
    assert batch is not None
    assert batch.background


def test_background_request_out_of_patience_still_waits_for_the_others():
    queue = scheduler()
    queue.add(1, "m", [20], now=0, background=True)
    queue.add(2, "m", [20] * 2, now=100)
    assert leaders(queue, 3, now=100) == [2, 2, 1]


def test_background_work_is_shared_evenly_between_callers():
    queue = scheduler()
    for ticket in range(1, 5):
        queue.add(ticket, "m", [20], now=0, caller="many", background=True)
    queue.add(5, "m", [20] * 2, now=0, caller="one", background=True)
    assert leaders(queue, 6) == [1, 5, 2, 5, 3, 4]


def test_background_turns_of_a_caller_do_not_count_against_its_other_requests():
    queue = scheduler()
    queue.add(1, "m", [20] * 9, now=0, caller="a", background=True)
    assert leaders(queue, 5) == [1] * 5
    queue.add(2, "m", [20] * 2, now=0, caller="b")
    queue.add(3, "m", [20] * 2, now=0, caller="a")
    assert leaders(queue, 4) == [2, 3, 2, 3]


def test_background_request_can_be_discarded_and_expires_at_its_deadline():
    queue = scheduler()
    queue.add(1, "m", [20], now=0, background=True)
    queue.add(2, "m", [20], now=0, background=True, deadline=5)
    with pytest.raises(ValueError, match="ticket of its own"):
        queue.add(1, "m", [20], now=0)
    queue.discard(1)
    assert queue.expire(6) == [2]
    assert queue.queued_windows == 0


def test_background_request_joins_a_full_queue_and_does_not_count_in_it():
    async def test():
        telemetry = Telemetry()
        encoder = FrameEncoder()
        async with engine_with(encoder, telemetry=telemetry, max_queue_seconds=4) as engine:
            encoder.before = gate = Gate()
            first = asyncio.create_task(engine.encode(request_of(constant(1, 4))))
            await until(gate.entered.is_set)
            job = asyncio.create_task(
                engine.encode(request_of(constant(2, 100), background=True, caller="job"))
            )
            await until(lambda: engine.status().queued_windows > 4)
            assert engine.status().queue_audio_seconds == 4
            assert sample(telemetry, "nordlyd_queue_audio_seconds") == 4
            gate.open()
            await asyncio.gather(first, job)
            assert engine.status().queue_audio_seconds == 0

    run(test())


def test_clip_waits_for_no_more_than_the_background_batch_that_runs():
    async def test():
        clock = FakeClock()
        encoder = FrameEncoder()
        async with engine_with(encoder, clock=clock, hang_seconds=1e6) as engine:
            encoder.before = gate = Gate()
            assert engine.background_seconds() == 0
            job = asyncio.create_task(engine.encode(request_of(constant(2, 100), background=True)))
            await until(gate.entered.is_set)
            clip = asyncio.create_task(engine.encode(request_of(constant(1, 3))))
            await until(lambda: engine.status().queue_audio_seconds == 3)
            gate.open()
            await asyncio.gather(clip, job)
        assert encoder.calls[:3] == [[2.0], [1.0], [2.0]]

    run(test())


def test_running_background_batch_is_expected_to_take_its_computing_time():
    async def test():
        clock = FakeClock()

        def half_real_time(windows):
            clock.now += sum(len(wave) for wave in windows) / 16_000 / 2

        encoder = FrameEncoder(before=half_real_time)
        async with engine_with(encoder, clock=clock, hang_seconds=1e6) as engine:
            encoder.before = gate = Gate()
            job = asyncio.create_task(engine.encode(request_of(constant(2, 18), background=True)))
            await until(gate.entered.is_set)
            assert engine.background_seconds() == pytest.approx(9)
            gate.open()
            await job
            assert engine.background_seconds() == 0

    run(test())
