"""Requests are admitted by what waits and by how long those before them were."""

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


def test_request_of_known_length_is_refused_where_its_caller_fills_its_share():
    clock = FakeClock()
    admission = controller(clock)
    admission.check_arrival(arrival(), [Backlog("me", 40, 4)], None)
    with pytest.raises(OverloadedError, match=r"one caller may hold 50 s\. Try again in 1 s") as e:
        admission.check_arrival(arrival(), [Backlog("me", 50, 5)], None)
    assert e.value.retry_after == 1.0
    # The next one is to come back after the work of the first.
    with pytest.raises(OverloadedError, match="Try again in 2 s"):
        admission.check_arrival(arrival(), [Backlog("me", 50, 5)], None)


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
