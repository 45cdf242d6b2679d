"""The one thread that knows what all media workers do: tasks in, their results out.

It shares the processors out in slices (`schedule.py`), gives room to what is decoded, and holds
every task to its time; a worker that dies takes its own task along, and no other.
"""

import math
import selectors
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import structlog

from app.audio.recording import SAMPLE_RATE
from app.audio.workers.crew import Crew, Listeners, Shape
from app.audio.workers.messages import Message, error_from_json
from app.audio.workers.processes import Restarted, Worker
from app.audio.workers.schedule import QUANTUM_SECONDS, choose, displace
from app.audio.workers.tasks import Task
from app.errors import (
    InsufficientStorageError,
    MediaCrashedError,
    NordlydError,
    OverloadedError,
    UnavailableError,
)

# A task may run this many times its processor seconds, for what it waits for.
_WALL_FACTOR = 2.0
# One processor second more for so many seconds of audio.
_AUDIO_PER_SECOND = 10.0
# Processes at once for each that runs: those that were stopped for others are kept.
_LIVE_FACTOR = 8
_ROOM_SECONDS = 0.25
_TICK_SECONDS = 1.0
# What ran longer may hold memory that it does not need any more.
_RECYCLE_SECONDS = 5.0

_log = structlog.get_logger("nordlyd.media")


class Supervisor:
    """Runs tasks on worker processes; `run` is a thread's.

    Args:
        shape: how many workers, and their limits.
        restarted: told why a worker had to be replaced.
    """

    def __init__(self, shape: Shape, restarted: Restarted) -> None:
        self._shape = shape
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._drain_wake)
        listeners = Listeners(self._take, self._lost, self._give_up)
        self.crew = Crew(shape, self._selector, restarted, listeners)
        self._calls: deque[Callable[[], None]] = deque()
        self._queued: list[Task] = []
        self._without_room: list[Task] = []
        self._closing = threading.Event()
        self._ended = False
        self._last = time.monotonic()

    # Called from any thread.

    def submit(self, task: Task) -> None:
        """Begin a task; cancelling its future ends it."""
        # The future keeps the result for as long as it lasts, so it is not to be kept itself.
        known = weakref.ref(task)

        def done(future: Future[Any]) -> None:
            wanted = known()
            if future.cancelled() and wanted is not None:
                self._call(lambda: self._drop(wanted))

        task.future.add_done_callback(done)
        self._call(lambda: self._enqueue(task))
        if self._ended:
            task.fail(_stopping())

    def close(self) -> None:
        """End all processes; what is not finished fails."""
        self._closing.set()
        self._call(lambda: None)

    def _call(self, function: Callable[[], None]) -> None:
        """Have something done by the supervising thread."""
        self._calls.append(function)
        with suppress(OSError):
            self._wake_write.send(b"x")

    # The supervising thread.

    def run(self) -> None:
        """Supervise until `close`."""
        try:
            while not self._closing.is_set():
                self.crew.ensure()
                for key, _ in self._selector.select(self._timeout()):
                    key.data()
                while self._calls:
                    self._calls.popleft()()
                self._account()
                self._schedule()
        except Exception:
            _log.exception("the supervisor of the media workers failed")
        finally:
            self._end()

    def _drain_wake(self) -> None:
        with suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass

    def _timeout(self) -> float | None:
        if self._calls:
            return 0.0
        states = [worker.state for worker in self.crew.workers]
        if self._queued or "paused" in states:
            return QUANTUM_SECONDS / 2
        if self._without_room:
            return _ROOM_SECONDS
        return _TICK_SECONDS if "running" in states else None

    def _account(self) -> None:
        """Count what ran, and end what has run too long."""
        now = time.monotonic()
        # The process itself may have been stopped meanwhile.
        passed, self._last = min(now - self._last, 2 * _TICK_SECONDS), now
        for worker in self.crew.workers:
            task = worker.task
            if task is None or not task.timed or worker.state != "running":
                continue
            task.used += passed
            task.slice += passed
            if task.used > _WALL_FACTOR * self._seconds(task):
                self.crew.end(worker, "hang")

    def _seconds(self, task: Task) -> float:
        """Processor seconds that a task may take."""
        return self._shape.processor_seconds + task.allowed / SAMPLE_RATE / _AUDIO_PER_SECOND

    def _enqueue(self, task: Task) -> None:
        if task.future.cancelled():
            task.end()
            return
        if self._closing.is_set():
            task.fail(_stopping())
            return
        try:
            task.admit()
        except OverloadedError as error:
            if task.patient:
                self._without_room.append(task)
            else:
                task.fail(error)
            return
        except InsufficientStorageError as error:
            task.fail(error)
            return
        task.waiting_since = time.monotonic()
        self._queued.append(task)

    def _drop(self, task: Task) -> None:
        """End a task that is not wanted any more."""
        for waiting in (self._queued, self._without_room):
            if task in waiting:
                waiting.remove(task)
                task.end()
        for worker in self.crew.workers:
            if worker.task is task:
                self.crew.end(worker, "cancelled")

    def _schedule(self) -> None:
        room, self._without_room = self._without_room, []
        for task in room:
            self._enqueue(task)
        while self._start_one():
            pass

    def _start_one(self) -> bool:
        """Start or continue the most urgent task where it may run; returns whether one was."""
        now = time.monotonic()
        live = {worker.task: worker for worker in self.crew.workers if worker.task is not None}
        running = [task for task, w in live.items() if w.state == "running" and task.timed]
        paused = [task for task, w in live.items() if w.state == "paused"]
        best = choose([*self._startable(list(live)), *paused], running, now)
        if best is None:
            return False
        idle = next((worker for worker in self.crew.workers if worker.state == "idle"), None)
        if best not in live and idle is None:
            self.crew.need_one()
            return False
        if best.timed and len(running) >= self._shape.workers:
            victim = displace(best, running, now)
            if victim is None:
                return False
            victim.waiting_since = now
            live[victim].pause()
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
        most = self._shape.workers * _LIVE_FACTOR
        share = math.ceil(most / 2)

        def may(task: Task) -> bool:
            if not task.timed:
                return True
            mine = sum(1 for other in live if other.caller == task.caller)
            return len(live) < most and (not task.caller or mine < share)

        return [task for task in self._queued if may(task)]

    def _start(self, worker: Worker, task: Task) -> None:
        if task.timed:
            worker.limit_processor(self._seconds(task))
        try:
            worker.start(task)
        except OSError:
            # It died while it was idle, which is noticed where it is read.
            worker.task = None
            self._queued.insert(0, task)
            self.crew.end(worker, "")
            return
        if not task.timed:
            # Its reader is to notice when the worker is gone.
            task.close_output()

    def _take(self, worker: Worker, message: Message) -> None:
        """Act on what a worker said."""
        task = worker.task
        if task is None:
            raise ValueError("a worker without a task has something to say")
        if "format" in message:
            task.format = str(message["format"])[:100]
        elif "grow" in message:
            self._grow(worker, task, int(message["grow"]))
        elif "done" in message:
            task.send_result(task.result(task, message["done"]))
            task.end()
            self._free(worker, task)
        elif "refused" in message:
            task.fail(error_from_json(message["refused"]))
            self._free(worker, task)
        else:
            self._failed(worker, task, str(message["failed"]), str(message["trace"]))

    def _grow(self, worker: Worker, task: Task, samples: int) -> None:
        try:
            descriptors = task.grow(samples)
        except (OverloadedError, InsufficientStorageError) as error:
            worker.task = None
            self.crew.end(worker, "retired")
            if task.patient and isinstance(error, OverloadedError):
                # What was decoded is given up: two that wait for each other would wait for ever.
                task.reset()
                self._without_room.append(task)
            else:
                task.fail(error)
            return
        if task.timed:
            worker.limit_processor(max(1.0, self._seconds(task) - task.used))
        with suppress(OSError):
            worker.channel.send({"allowed": task.allowed}, descriptors)

    def _free(self, worker: Worker, task: Task) -> None:
        """Give a worker back, or end one that may hold much memory or is one too many."""
        worker.task = None
        large = task.used > _RECYCLE_SECONDS or task.allowed > SAMPLE_RATE * 600
        if large or len(self.crew.workers) > self._shape.workers:
            self.crew.end(worker, "retired")
        else:
            worker.state = "idle"

    def _failed(self, worker: Worker, task: Task, why: str, trace: str) -> None:
        """Act on a failure that the worker itself reports."""
        worker.task = None
        if why == "disk":
            task.fail(InsufficientStorageError("The disk that decoded audio is kept on is full."))
            self.crew.end(worker, "retired")
            return
        reason = "memory" if why == "memory" else "crash"
        self._blame(task, reason, trace)
        self.crew.end(worker, reason)

    def _lost(self, worker: Worker, reason: str, detail: str) -> None:
        """Act on the end of a worker."""
        task, worker.task = worker.task, None
        if task is None:
            return
        if reason == "cancelled":
            task.end()
        else:
            self._blame(task, reason, detail)

    def _blame(self, task: Task, reason: str, detail: str) -> None:
        """Fail the one task that a worker died of."""
        _log.error(
            "a media worker was lost",
            reason=reason,
            detail=detail,
            format=task.format or "unknown",
            bytes=task.window.size,
            request_id=task.request_id,
        )
        megabytes = self._shape.memory / 2**20
        why = {
            "memory": f"it takes more than the {megabytes:,.0f} MiB of memory that one may take "
            "(NORDLYD_MEDIA_MEMORY_MB)",
            "hang": f"it takes longer than the {self._seconds(task):,.0f} s that one of its length "
            "may take (NORDLYD_MEDIA_SECONDS)",
        }.get(reason, "its decoder fails on it")
        task.fail(
            MediaCrashedError(
                f"The recording cannot be read: {why}. It is damaged, or made in a way that the "
                "decoder does not know; accepted: the same recording converted, to WAV or FLAC."
            )
        )

    def _give_up(self) -> None:
        """Fail what waits for workers that cannot be started."""
        failure = NordlydError("The processes that decode audio cannot be started.")
        for task in (*self._queued, *self._without_room):
            task.fail(failure)
        self._queued, self._without_room = [], []

    def _end(self) -> None:
        self._closing.set()
        tasks = [worker.task for worker in self.crew.workers if worker.task is not None]
        self.crew.close()
        self._ended = True
        while self._calls:
            self._calls.popleft()()
        for task in (*tasks, *self._queued, *self._without_room):
            task.fail(_stopping())
        self._queued, self._without_room = [], []
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()


def _stopping() -> UnavailableError:
    return UnavailableError("The service is stopping.", code="draining")
