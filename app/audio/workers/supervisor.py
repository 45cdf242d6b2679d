"""The thread that runs tasks on media workers and delivers their results.

`scheduler.py` decides which tasks run; `worker_set.py` keeps the processes. A worker that dies
fails its own task and no other.
"""

import selectors
import socket
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import structlog

from app.audio.recording import SAMPLE_RATE
from app.audio.workers.messages import Message, error_from_json
from app.audio.workers.processes import Worker
from app.audio.workers.scheduler import Scheduler
from app.audio.workers.tasks import Task
from app.audio.workers.worker_set import WorkerCallbacks, WorkerLimits, WorkerSet
from app.errors import (
    InsufficientStorageError,
    MediaCrashedError,
    NordlydError,
    OverloadedError,
    UnavailableError,
)

# A worker that ran longer or decoded more may hold memory that it does not need any more.
_RECYCLE_SECONDS = 5.0
_RECYCLE_SAMPLES = 600 * SAMPLE_RATE

_log = structlog.get_logger("nordlyd.media")


class Supervisor:
    """Runs tasks on worker processes. `run` is the target of a thread.

    Args:
        limits: how many workers there are, and what each may take.
        on_restart: called with the reason why a worker had to be replaced.
        on_sandboxed: called with the mechanisms that restrict the workers, once they are known.
    """

    def __init__(
        self,
        limits: WorkerLimits,
        on_restart: Callable[[str], None],
        on_sandboxed: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._drain_wake)
        callbacks = WorkerCallbacks(
            on_message=self._on_message,
            on_exit=self._on_exit,
            on_unusable=self._on_unusable,
            on_restart=on_restart,
            on_sandboxed=on_sandboxed,
        )
        self.workers = WorkerSet(limits, self._selector, callbacks)
        self._scheduler = Scheduler(limits, self.workers)
        self._calls: deque[Callable[[], None]] = deque()
        self._closing = threading.Event()
        self._ended = False

    # Called from any thread.

    def submit(self, task: Task) -> None:
        """Begins a task; cancelling its future ends it."""
        # The future keeps its callbacks, and with them whatever they refer to, beside its result.
        reference = weakref.ref(task)

        def done(future: Future[Any]) -> None:
            cancelled = reference()
            if future.cancelled() and cancelled is not None:
                self._call(lambda: self._cancel(cancelled))

        task.future.add_done_callback(done)
        self._call(lambda: self._add(task))
        if self._ended:
            task.fail(_stopping())

    def close(self) -> None:
        """Ends all processes; tasks that are not finished fail."""
        self._closing.set()
        self._call(lambda: None)

    def _call(self, function: Callable[[], None]) -> None:
        """Has the supervising thread call a function."""
        self._calls.append(function)
        with suppress(OSError):
            self._wake_write.send(b"x")

    # The supervising thread.

    def run(self) -> None:
        """Supervises until `close`."""
        try:
            while not self._closing.is_set():
                self.workers.start()
                timeout = 0.0 if self._calls else self._scheduler.timeout
                for key, _ in self._selector.select(timeout):
                    key.data()
                while self._calls:
                    self._calls.popleft()()
                self._scheduler.schedule()
        except Exception:
            _log.exception("the supervisor of the media workers failed")
        finally:
            self._end()

    def _drain_wake(self) -> None:
        with suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass

    def _add(self, task: Task) -> None:
        if self._closing.is_set():
            task.fail(_stopping())
        else:
            self._scheduler.add(task)

    def _cancel(self, task: Task) -> None:
        """Ends a task whose future was cancelled."""
        self._scheduler.remove(task)
        for worker in self.workers.active:
            if worker.task is task:
                self.workers.end(worker, "cancelled")

    def _on_message(self, worker: Worker, message: Message) -> None:
        """Acts on a message from a worker."""
        task = worker.task
        if task is None:
            raise ValueError("a message from a worker without a task")
        if "format" in message:
            task.format = str(message["format"])[:100]
        elif "grow" in message:
            self._grow(worker, task, int(message["grow"]))
        elif "done" in message:
            task.send_result(task.result(task, message["done"]))
            task.end()
            self._release(worker, task)
        elif "error" in message:
            task.fail(error_from_json(message["error"]))
            self._release(worker, task)
        else:
            self._fail(worker, task, str(message["failed"]), str(message["trace"]))

    def _grow(self, worker: Worker, task: Task, samples: int) -> None:
        """Gives a task room for so many samples, or ends it."""
        try:
            descriptors = task.grow(samples)
        except (OverloadedError, InsufficientStorageError) as error:
            worker.task = None
            self.workers.end(worker, "retired")
            if task.wait_for_room and isinstance(error, OverloadedError):
                # What was decoded is given up: two tasks that wait for each other would deadlock.
                task.reset()
                self._scheduler.add_waiting_for_room(task)
            else:
                task.fail(error)
            return
        if task.timed:
            worker.limit_processor(max(1.0, self._scheduler.processor_seconds(task) - task.used))
        with suppress(OSError):
            worker.channel.send({"allowed": task.allowed}, descriptors)

    def _release(self, worker: Worker, task: Task) -> None:
        """Makes a worker idle, or ends one that may hold much memory or is one too many."""
        worker.task = None
        large = task.used > _RECYCLE_SECONDS or task.allowed > _RECYCLE_SAMPLES
        unused = sum(1 for other in self.workers.active if other.task is None)
        if large or unused > self._limits.workers:
            self.workers.end(worker, "retired")
        else:
            worker.state = "idle"

    def _fail(self, worker: Worker, task: Task, why: str, trace: str) -> None:
        """Acts on a failure that the worker itself reports."""
        worker.task = None
        if why == "disk":
            task.fail(InsufficientStorageError("The disk that decoded audio is kept on is full."))
            self.workers.end(worker, "retired")
            return
        reason = "memory" if why == "memory" else "crash"
        self._fail_crashed(task, reason, trace)
        self.workers.end(worker, reason)

    def _on_exit(self, worker: Worker, reason: str, detail: str) -> None:
        """Acts on the end of a worker."""
        task, worker.task = worker.task, None
        if task is None:
            return
        if reason == "cancelled":
            task.end()
        else:
            self._fail_crashed(task, reason, detail)

    def _fail_crashed(self, task: Task, reason: str, detail: str) -> None:
        """Fails the one task whose worker was lost."""
        _log.error(
            "a media worker was lost",
            reason=reason,
            detail=detail,
            format=task.format or "unknown",
            bytes=task.input.size,
            request_id=task.request_id,
        )
        megabytes = self._limits.memory / 2**20
        seconds = self._scheduler.processor_seconds(task)
        why = {
            "memory": f"it takes more than the {megabytes:,.0f} MiB of memory that one may take "
            "(NORDLYD_MEDIA_MEMORY_MB)",
            "hang": f"it takes longer than the {seconds:,.0f} s that one of its length "
            "may take (NORDLYD_MEDIA_SECONDS)",
        }.get(reason, "its decoder fails on it")
        task.fail(
            MediaCrashedError(
                f"The recording cannot be read: {why}. It is damaged, or made in a way that the "
                "decoder does not know; accepted: the same recording converted, to WAV or FLAC."
            )
        )

    def _on_unusable(self) -> None:
        """Fails the queued tasks where no worker can be started."""
        failure = NordlydError("The processes that decode audio cannot be started.")
        for task in self._scheduler.take_all():
            task.fail(failure)

    def _end(self) -> None:
        self._closing.set()
        tasks = [worker.task for worker in self.workers.active if worker.task is not None]
        self.workers.close()
        self._ended = True
        while self._calls:
            self._calls.popleft()()
        for task in (*tasks, *self._scheduler.take_all()):
            task.fail(_stopping())
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()


def _stopping() -> UnavailableError:
    return UnavailableError("The service is stopping.", code="draining")
