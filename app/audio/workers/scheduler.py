"""Decides which tasks run on the media workers, and for how long.

Callers are served evenly; within that, the task that has run least goes first, so that a clip never
waits for a file of hours, and a waiting task grows more urgent, so that the file is read too. Tasks
in the background run only on processors that no other task waits for.
"""

import math
import time
from collections import Counter
from collections.abc import Sequence

from app.audio.recording import SAMPLE_RATE
from app.audio.workers.processes import Worker
from app.audio.workers.tasks import Task
from app.audio.workers.worker_set import WorkerLimits, WorkerSet
from app.errors import InsufficientStorageError, OverloadedError

QUANTUM_SECONDS = 0.2
"""How long a task runs before it is stopped for another."""
TICK_SECONDS = 1.0
"""How often running tasks are held to their time limit."""

_AGEING = 0.2
# A task may take this many times its processor seconds by the clock, for what it waits for.
_WALL_FACTOR = 2.0
# One processor second more for so many seconds of audio.
_AUDIO_PER_SECOND = 10.0
# Processes at once for each that runs: those that were stopped for others are kept.
_LIVE_FACTOR = 8
_RETRY_SECONDS = 0.25


class Scheduler:
    """The queue of one pool; all of it belongs to the supervising thread.

    Args:
        limits: how many workers there are, and how much time a task may take.
        workers: the processes.
    """

    def __init__(self, limits: WorkerLimits, workers: WorkerSet) -> None:
        self._limits = limits
        self._workers = workers
        self._queued: list[Task] = []
        self._waiting_for_room: list[Task] = []
        self._last = time.monotonic()

    @property
    def timeout(self) -> float | None:
        """Seconds until `schedule` is due; None where it is due only when something happens."""
        states = [worker.state for worker in self._workers.active]
        if self._queued or "paused" in states:
            return QUANTUM_SECONDS / 2
        if self._waiting_for_room:
            return _RETRY_SECONDS
        return TICK_SECONDS if "running" in states else None

    def processor_seconds(self, task: Task) -> float:
        """Returns how many processor seconds a task may take."""
        return self._limits.processor_seconds + task.allowed / SAMPLE_RATE / _AUDIO_PER_SECOND

    def add(self, task: Task) -> None:
        """Queues a task, or fails it where its first samples have no room."""
        if task.future.cancelled():
            task.end()
            return
        try:
            task.reserve()
        except OverloadedError as error:
            if task.wait_for_room:
                self.add_waiting_for_room(task)
            else:
                task.fail(error)
            return
        except InsufficientStorageError as error:
            task.fail(error)
            return
        task.waiting_since = time.monotonic()
        self._queued.append(task)

    def add_waiting_for_room(self, task: Task) -> None:
        """Queues a task that begins once other recordings have freed their room."""
        self._waiting_for_room.append(task)

    def remove(self, task: Task) -> None:
        """Ends a task if it is queued; does nothing for a task that has a worker."""
        for queue in (self._queued, self._waiting_for_room):
            if task in queue:
                queue.remove(task)
                task.end()

    def take_all(self) -> list[Task]:
        """Empties the queue; returns the tasks that were in it."""
        tasks = [*self._queued, *self._waiting_for_room]
        self._queued, self._waiting_for_room = [], []
        return tasks

    def schedule(self) -> None:
        """Accounts for the time that passed, and starts or continues every task that may run."""
        self._account()
        retried, self._waiting_for_room = self._waiting_for_room, []
        for task in retried:
            self.add(task)
        while self._start_one():
            pass

    def _account(self) -> None:
        """Counts the time that tasks ran, and ends the workers of those that ran too long."""
        now = time.monotonic()
        # This process itself may have been stopped meanwhile.
        passed, self._last = min(now - self._last, 2 * TICK_SECONDS), now
        for worker in self._workers.active:
            task = worker.task
            if task is None or not task.timed or worker.state != "running":
                continue
            task.used += passed
            task.slice += passed
            if task.used > _WALL_FACTOR * self.processor_seconds(task):
                self._workers.end(worker, "hang")

    def _start_one(self) -> bool:
        """Starts or continues the most urgent task, where it may run; returns whether one was."""
        now = time.monotonic()
        live = {worker.task: worker for worker in self._workers.active if worker.task is not None}
        running = [task for task, w in live.items() if w.state == "running" and task.timed]
        paused = [task for task, w in live.items() if w.state == "paused"]
        best = choose([*self._startable(list(live)), *paused], running, now)
        if best is None:
            return False
        displaced = None
        if best.timed and len(running) >= self._limits.workers:
            displaced = displace(best, running, now)
            if displaced is None:
                return False
        idle = next((worker for worker in self._workers.active if worker.state == "idle"), None)
        if best not in live and idle is None:
            self._workers.add_one()
            return False
        if displaced is not None:
            displaced.waiting_since = now
            live[displaced].pause()
        best.slice = 0.0
        if best in live:
            live[best].resume()
            return True
        assert idle is not None
        self._queued.remove(best)
        self._start(idle, best)
        return True

    def _startable(self, live: list[Task]) -> list[Task]:
        """The queued tasks that may have a process now."""
        maximum = self._limits.workers * _LIVE_FACTOR
        share = math.ceil(maximum / 2)

        def may_start(task: Task) -> bool:
            if not task.timed:
                return True
            if task.background and sum(1 for other in live if other.background) >= share:
                return False
            own = sum(1 for other in live if other.caller == task.caller)
            return len(live) < maximum and (not task.caller or own < share)

        return [task for task in self._queued if may_start(task)]

    def _start(self, worker: Worker, task: Task) -> None:
        worker.limit_processor(self.processor_seconds(task) if task.timed else math.inf)
        try:
            worker.start(task)
        except OSError:
            # It died while it was idle; its end is noticed where its socket is read.
            worker.task = None
            self._queued.insert(0, task)
            self._workers.end(worker, "")
            return
        if not task.timed:
            # The reader of the pipe must see its end when the worker ends.
            task.close_output()


def choose(waiting: Sequence[Task], running: Sequence[Task], now: float) -> Task | None:
    """Returns the task that is to run next, or None where none waits."""
    counts = Counter(task.caller for task in running)
    return min(waiting, key=lambda task: _urgency(task, counts, now), default=None)


def displace(best: Task, running: Sequence[Task], now: float) -> Task | None:
    """Returns the running task to stop in favour of `best`, or None where all continue."""
    counts = Counter(task.caller for task in running)
    stoppable = [
        task
        for task in running
        if task.timed
        and (task.slice >= QUANTUM_SECONDS or (task.background and not best.background))
    ]
    if not stoppable:
        return None
    candidate = max(stoppable, key=lambda task: (task.background, counts[task.caller], task.used))
    # Compared as if it waited too.
    counts[candidate.caller] -= 1
    urgency = (
        candidate.background,
        counts[candidate.caller],
        candidate.used,
        candidate.waiting_since,
    )
    return candidate if _urgency(best, counts, now) < urgency else None


def _urgency(task: Task, running: Counter[str], now: float) -> tuple[bool, int, float, float]:
    waited = now - task.waiting_since
    used = max(0.0, task.used - _AGEING * waited)
    return task.background, running[task.caller], used, task.waiting_since
