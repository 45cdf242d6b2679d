"""A pool of sandboxed processes that decode recordings.

A recording that makes its decoder crash, hang or run out of memory fails its own request alone.
"""

import atexit
import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from app.audio.options import DEFAULT, AudioLimits, DecodeOptions
from app.audio.recording import SAMPLE_RATE, Recording
from app.audio.stored import stored_bytes
from app.audio.workers.messages import limits_to_json, options_to_json
from app.audio.workers.supervisor import Supervisor
from app.audio.workers.tasks import Task
from app.audio.workers.worker_set import WorkerLimits
from app.errors import UnavailableError
from app.storage import ByteBudget, FileRange, create_memory_file, open_range

_MAX_SECONDS = 24 * 3600.0
_READ_BYTES = 2**16
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How many media workers there are, and what they may take.

    Attributes:
        workers: recordings that are decoded at once.
        memory_mb: memory that one worker may take beyond what all share, in MiB.
        processor_seconds: processor time of a recording, beside a tenth of its length.
        decoded_mb: decoded audio in memory at once, in MiB.
        spool_mb: decoded audio and uploads on disk at once, in MiB.
        handlers: module with the handlers that workers run.
    """

    workers: int = 2
    memory_mb: float = 512
    processor_seconds: float = 30.0
    decoded_mb: float = 1024
    spool_mb: float = 16384
    handlers: str = "app.audio.workers.handlers"


class MediaPool:
    """Decodes recordings in processes of their own.

    The processes start with `start`, or with the first recording.

    Args:
        options: how many workers, and what they may take.
        on_restart: called on a thread of the pool when a worker that had died or had to be ended
            was replaced, with the reason: `crash`, `hang`, `memory`, `cancelled` or `zygote`.
        on_sandboxed: called on that thread with the mechanisms of `sandbox`, once they are known.
    """

    def __init__(
        self,
        options: PoolOptions | None = None,
        *,
        on_restart: Callable[[str], None] = lambda _: None,
        on_sandboxed: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        options = options or PoolOptions()
        self.decoded = ByteBudget(
            options.decoded_mb * 2**20, name="Decoded audio", setting="NORDLYD_DECODED_MB"
        )
        self.spool = ByteBudget(
            options.spool_mb * 2**20, name="Audio on disk", setting="NORDLYD_SPOOL_MB"
        )
        self._limits = WorkerLimits(
            options.workers,
            round(options.memory_mb * 2**20),
            options.processor_seconds,
            options.handlers,
            stored_bytes(round(_MAX_SECONDS) * SAMPLE_RATE),
        )
        self._on_restart = on_restart
        self._on_sandboxed = on_sandboxed
        self._supervisor: Supervisor | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Starts the processes; does nothing where they run already.

        Raises:
            UnavailableError: the pool was closed.
        """
        self._running()

    def _running(self) -> Supervisor:
        with self._lock:
            if self._closed:
                raise UnavailableError("The service is stopping.", code="draining")
            if self._supervisor is None:
                self._supervisor = Supervisor(self._limits, self._on_restart, self._on_sandboxed)
                self._thread = threading.Thread(
                    target=self._supervisor.run, name="nordlyd-media", daemon=True
                )
                self._thread.start()
            return self._supervisor

    @property
    def sandbox(self) -> tuple[str, ...] | None:
        """What restricts the workers: `rlimits`, `landlock`, `seccomp`; None before they run."""
        return None if self._supervisor is None else self._supervisor.workers.sandbox

    @property
    def pids(self) -> list[int]:
        """The processes that belong to the pool now."""
        return [] if self._supervisor is None else self._supervisor.workers.pids

    def submit(
        self,
        source: BinaryIO | Path,
        *,
        options: DecodeOptions = DEFAULT,
        limits: AudioLimits,
        caller: str = "",
        request_id: str = "",
        wait_for_room: bool = False,
        background: bool = False,
    ) -> "Future[Recording]":
        """Begins to decode a recording. Cancelling the future ends the work.

        Args:
            source: a file, or a stream, which is read from its beginning and may be closed as soon
                as this returns.
            options: how to read it.
            limits: how much audio it may hold.
            caller: whose request it is, for fairness and budgets; empty for this process itself.
            request_id: for the log.
            wait_for_room: wait while other recordings take up all room, instead of failing.
            background: run only while no other recording waits for a processor, and wait while
                those in the background take up half of the room.

        Returns:
            A future of the recording, of at least one sample. Its exceptions are AudioError and
            its kinds, TooLargeError, MediaCrashedError, OverloadedError,
            InsufficientStorageError and UnavailableError.

        Raises:
            AudioError: the file cannot be opened.
        """
        request = {
            "kind": "recording",
            "options": options_to_json(options),
            "limits": limits_to_json(limits),
        }
        return self._submit(
            Task(
                request,
                open_range(source),
                create_memory_file(),
                Future(),
                Task.take_recording,
                caller=caller,
                request_id=request_id,
                memory=self.decoded.reserve(caller, background=background),
                disk=self.spool.reserve(caller, background=background),
                wait_for_room=wait_for_room or background,
                background=background,
            )
        )

    def decode(
        self, source: BinaryIO | Path, *, options: DecodeOptions = DEFAULT, limits: AudioLimits
    ) -> Recording:
        """Decodes a recording and waits for it; arguments and errors as those of `submit`."""
        return self.submit(source, options=options, limits=limits, wait_for_room=True).result()

    def measure_excerpt(self, source: BinaryIO | Path, start: float, end: float | None) -> float:
        """Decodes a file from `start` to `end` in seconds; returns the length of this part.

        Raises:
            AudioError: as `read_excerpt`, or the decoder crashed.
        """
        request = {"kind": "excerpt", "from": start, "to": end}
        task = Task(request, open_range(source), create_memory_file(), Future(), _seconds)
        return float(self._submit(task).result())

    def decode_live(self, file: int) -> Generator[bytes, None, None]:
        """Decodes a pipe while it is written. Closing the generator ends the work.

        Args:
            file: a descriptor, read from its current position; it stays open.

        Yields:
            float32 [samples] at 16 kHz, mono, as bytes; a piece may end within a sample.

        Raises:
            AudioError: its format cannot be read without seeking, it is damaged, or the decoder
                crashed.
        """
        read_end, write_end = os.pipe()
        source = FileRange(os.dup(file), 0, 0)
        task = Task({"kind": "live"}, source, write_end, Future(), lambda *_: None, timed=False)
        future = self._submit(task)
        try:
            while piece := os.read(read_end, _READ_BYTES):
                yield piece
            future.result()
        finally:
            future.cancel()
            os.close(read_end)

    def close(self) -> None:
        """Ends the processes; recordings that are not finished fail."""
        with self._lock:
            self._closed = True
            supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None and self._thread is not None:
            supervisor.close()
            self._thread.join(_END_SECONDS)

    def _submit(self, task: Task) -> "Future[Any]":
        try:
            self._running().submit(task)
        except UnavailableError as error:
            task.fail(error)
        return task.future


def _seconds(task: Task, answer: dict[str, Any]) -> float:
    task.close_output()
    return float(answer["seconds"])


_shared: tuple[int, MediaPool] | None = None
_shared_lock = threading.Lock()


def shared_pool() -> MediaPool:
    """Returns the pool of this process, for the trainer, measurements and the command line.

    It is made on first use and closed when the process ends.
    """
    global _shared  # noqa: PLW0603 - one for each process
    with _shared_lock:
        # After a fork, the supervising thread of the parent's pool is missing.
        if _shared is None or _shared[0] != os.getpid():
            pool = MediaPool(PoolOptions(workers=min(4, os.cpu_count() or 1)))
            atexit.register(pool.close)
            _shared = os.getpid(), pool
        return _shared[1]
