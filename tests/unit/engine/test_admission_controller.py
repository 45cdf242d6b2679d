"""Requests are admitted by what waits and by how long those before them were."""

import math
from collections.abc import Mapping, Sequence

import pytest
from engine_parts import FakeClock

from app.engine.admission import Arrival, Backlog
from app.engine.admission_controller import AdmissionController
from app.engine.types import EngineOptions
from app.errors import DeadlineExceededError, OverloadedError


def controller(clock: FakeClock, **options: float) -> AdmissionController:
    return AdmissionController(
        EngineOptions(**({"max_queue_seconds": 100, "window_seconds": 20} | options)),  # type: ignore[arg-type]
        clock,
    )


def arrival(audio: float = 10.0, compute: float = 1.0, caller: str = "me") -> Arrival:
    return Arrival(caller, audio, compute, compute)


def before_body(
    admission: AdmissionController,
    backlogs: Sequence[Backlog] = (),
    arriving: Mapping[str, int] | None = None,
    *,
    factor: float = 0.1,
    deadline: float | None = None,
) -> None:
    admission.check_before_body(
        "me", backlogs, arriving or {}, real_time_factor=factor, deadline=deadline
    )


def test_request_of_known_length_is_refused_where_its_caller_fills_its_share():
    clock = FakeClock()
    admission = controller(clock)
    admission.check_arrival(arrival(), [Backlog("me", 49, 5)], None)
    with pytest.raises(OverloadedError, match=r"one caller may hold 50 s\. Try again in 1 s") as e:
        admission.check_arrival(arrival(), [Backlog("me", 60, 6)], None)
    assert e.value.retry_after == 1.0
    # The next one is to come back after the work of the first.
    with pytest.raises(OverloadedError, match="Try again in 2 s"):
        admission.check_arrival(arrival(), [Backlog("me", 60, 6)], None)


def test_request_of_known_length_must_be_done_by_its_deadline():
    clock = FakeClock()
    admission = controller(clock)
    others = [Backlog("me", 20, 4)]
    admission.check_arrival(arrival(compute=4), others, clock.now + 9)
    with pytest.raises(OverloadedError):
        admission.check_arrival(arrival(compute=4), others, clock.now + 7)
    with pytest.raises(DeadlineExceededError, match="takes about"):
        admission.check_arrival(arrival(compute=4), [], clock.now + 3)
    for late in (0, -1):
        with pytest.raises(DeadlineExceededError, match="had passed"):
            admission.check_arrival(arrival(), [], clock.now + late)


def test_request_of_unknown_length_is_refused_where_its_work_would_begin_too_late():
    admission = controller(FakeClock(), max_wait_seconds=3, max_queue_seconds=math.inf)
    # 10 s of audio each until some were seen, so 1 s of computing.
    before_body(admission, arriving={"me": 3})
    with pytest.raises(OverloadedError, match=r"wait about 4 s .* at most 3 s"):
        before_body(admission, arriving={"me": 4})
    with pytest.raises(OverloadedError):
        before_body(admission, [Backlog("me", 20, 2)], {"me": 3})
    # Of others, no more goes before it than of its own caller.
    before_body(admission, arriving={"other": 400})


def test_only_the_first_window_of_a_long_recording_has_to_begin_in_time():
    admission = controller(
        FakeClock(), max_wait_seconds=3, max_queue_seconds=math.inf, window_seconds=5
    )
    # Half a second of each goes before it.
    before_body(admission, arriving={"me": 6})
    with pytest.raises(OverloadedError):
        before_body(admission, arriving={"me": 7})


def test_request_of_unknown_length_with_a_deadline_must_be_done_by_then():
    clock = FakeClock()
    admission = controller(clock, max_wait_seconds=0, max_queue_seconds=math.inf)
    before_body(admission, arriving={"me": 3}, deadline=clock.now + 4)
    with pytest.raises(OverloadedError):
        before_body(admission, arriving={"me": 3}, deadline=clock.now + 3.9)
    # One that is too late by itself is not refused before its length is known.
    before_body(admission, deadline=clock.now + 0.1)
    with pytest.raises(OverloadedError, match="at most 0 s"):
        before_body(admission, arriving={"me": 1}, deadline=clock.now + 0.1)


def test_expected_length_follows_the_recordings_that_arrive():
    admission = controller(FakeClock(), max_queue_seconds=1000)
    before_body(admission, arriving={"me": 49})
    with pytest.raises(OverloadedError, match="hold 500 s"):
        before_body(admission, arriving={"me": 50})
    admission.check_arrival(arrival(audio=30), [], None)
    # 0.95 times 10 s and 0.05 times 30 s.
    with pytest.raises(OverloadedError, match="hold 506 s"):
        before_body(admission, arriving={"me": 46})
    before_body(admission, arriving={"me": 45})


def test_refused_requests_of_unknown_length_retry_after_the_work_of_each_other():
    clock = FakeClock()
    admission = controller(clock, max_wait_seconds=0, max_queue_seconds=math.inf)
    waits = []
    for _ in range(3):
        with pytest.raises(OverloadedError) as refused:
            before_body(admission, arriving={"me": 5})
        waits.append(refused.value.retry_after)
    assert waits == pytest.approx([5, 6, 7])
