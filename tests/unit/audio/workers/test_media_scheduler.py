"""Which task runs next, and which one is displaced."""

from concurrent.futures import Future

import pytest

from app.audio.workers.scheduler import QUANTUM_SECONDS, choose, displace
from app.audio.workers.tasks import Task
from app.storage import FileRange


def task(
    caller: str = "a",
    *,
    used: float = 0.0,
    since: float = 100.0,
    slice_: float = 1.0,
    background: bool = False,
) -> Task:
    return Task(
        {}, FileRange(-1, 0, 0), -1, Future(), lambda *_: None,
        caller=caller, used=used, slice=slice_, waiting_since=since, background=background,
    )  # fmt: skip


def test_task_that_ran_least_is_chosen_and_ties_are_fifo() -> None:
    long, clip, later = task(used=5), task(since=100), task(since=101)
    assert choose([long, later, clip], [], 102) is clip
    assert choose([], [], 102) is None


def test_caller_without_running_tasks_is_chosen_first() -> None:
    mine, theirs = task("a"), task("b", used=9)
    assert choose([mine, theirs], [task("a")], 101) is theirs


def test_long_task_is_displaced_by_a_clip_after_its_quantum() -> None:
    clip, long = task("b"), task("a", used=3.0)
    assert displace(clip, [long], 101) is long
    long.slice = QUANTUM_SECONDS / 2
    assert displace(clip, [long], 101) is None


def test_clip_is_not_displaced_by_a_long_task() -> None:
    clip, long = task("a", used=0.3), task("a", used=3.0)
    assert displace(long, [clip], 101) is None


def test_waiting_time_increases_priority() -> None:
    waiting, running = task(used=3.0, since=80), task(used=0.5)
    assert displace(waiting, [running], 101) is running


@pytest.mark.parametrize("callers", [("a", "a"), ("a", "b")])
def test_equal_tasks_alternate(callers: tuple[str, str]) -> None:
    now, first, second = 0.0, task(callers[0], since=0.0), task(callers[1], since=0.0)
    running, waiting = first, second
    turns = 0
    for _ in range(1_000):
        now += QUANTUM_SECONDS / 2
        running.used += QUANTUM_SECONDS / 2
        running.slice += QUANTUM_SECONDS / 2
        if displace(waiting, [running], now) is running:
            running.waiting_since = now
            running, waiting = waiting, running
            running.slice = 0.0
            turns += 1
    assert turns > 100
    assert first.used == pytest.approx(second.used, rel=0.1)


def test_recording_in_the_background_is_chosen_only_where_no_other_waits() -> None:
    clip, job = task("busy", used=9), task("idle", since=0, background=True)
    assert choose([job, clip], [task("busy")], 102) is clip
    assert choose([job], [task("busy")], 102) is job


def test_recording_in_the_background_is_displaced_at_once_and_displaces_no_other() -> None:
    clip, job = task("a", used=9), task("b", slice_=0.0, background=True)
    assert displace(clip, [task("c"), job], 101) is job
    assert displace(job, [task("c", used=99), task("a", used=99)], 1e6) is None


def test_recordings_in_the_background_alternate_after_their_quantum() -> None:
    short, long = task("b", background=True), task("a", used=3.0, background=True)
    assert displace(short, [long], 101) is long
    long.slice = QUANTUM_SECONDS / 2
    assert displace(short, [long], 101) is None
