"""Recordings in, decoded by caged processes; what the rest of the service knows of them.

A recording that crashes, hangs or swells its decoder costs its own request alone.
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
from app.audio.workers.crew import Shape
from app.audio.workers.messages import limits_to_json, options_to_json
from app.audio.workers.processes import Restarted
from app.audio.workers.supervisor import Supervisor
from app.audio.workers.tasks import Task
from app.errors import UnavailableError
from app.storage import ByteBudget, FileRange, create_memory_file, open_range

_LONGEST_SECONDS = 24 * 3600.0
_PIECE_BYTES = 2**16
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """What media workers may take.

    Attributes:
        workers: recordings decoded at once.
        memory_mb: memory that one worker may take beyond what all share, in MiB.
        processor_seconds: processor time that a recording may take, and a tenth of its length.
        decoded_mb: decoded audio in memory at once, in MiB.
        spool_mb: decoded audio and uploads on disk at once, in MiB.
        handlers: module that says what workers can do.
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
        restarted: told why, on a thread of the pool, when a worker was replaced that had died or
            had to be ended: `crash`, `hang`, `memory`, `cancelled` or `zygote`.
        caged: told, on that thread, what cages the workers: see `held`.
    """

    def __init__(
        self,
        options: PoolOptions | None = None,
        *,
        restarted: Restarted = lambda _: None,
        caged: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        options = options or PoolOptions()
        self.decoded = ByteBudget(
            options.decoded_mb * 2**20, name="Decoded audio", setting="NORDLYD_DECODED_MB"
        )
        self.spool = ByteBudget(
            options.spool_mb * 2**20, name="Audio on disk", setting="NORDLYD_SPOOL_MB"
        )
        self._shape = Shape(
            options.workers,
            round(options.memory_mb * 2**20),
            options.processor_seconds,
            options.handlers,
            stored_bytes(round(_LONGEST_SECONDS) * SAMPLE_RATE),
        )
        self._restarted = restarted
        self._caged = caged
        self._supervisor: Supervisor | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Start the processes; does nothing where they run.

        Raises:
            UnavailableError: the pool was closed.
        """
        self._running()

    def _running(self) -> Supervisor:
        with self._lock:
            if self._closed:
                raise UnavailableError("The service is stopping.", code="draining")
            if self._supervisor is None:
                self._supervisor = Supervisor(self._shape, self._restarted, self._caged)
                self._thread = threading.Thread(
                    target=self._supervisor.run, name="nordlyd-media", daemon=True
                )
                self._thread.start()
            return self._supervisor

    @property
    def held(self) -> tuple[str, ...] | None:
        """What cages the workers: `rlimits`, `landlock`, `seccomp`; None before they have begun."""
        return None if self._supervisor is None else self._supervisor.crew.held

    @property
    def pids(self) -> list[int]:
        """The processes that belong to the pool now."""
        return [] if self._supervisor is None else self._supervisor.crew.pids

    def submit(
        self,
        source: BinaryIO | Path,
        *,
        options: DecodeOptions = DEFAULT,
        limits: AudioLimits,
        caller: str = "",
        request_id: str = "",
        patient: bool = False,
    ) -> "Future[Recording]":
        """Begin to decode a recording. Cancelling the future ends the work.

        Args:
            source: a file, or a stream, which is read from its beginning and may be closed as soon
                as this returns.
            options: how to read it.
            limits: how much audio it may hold.
            caller: who wants it, for fairness and for the limits of each; empty for this process.
            request_id: for the log.
            patient: wait where others' recordings take up all room, instead of failing.

        Returns:
            The recording, of at least one sample, or why there is none: AudioError and its kinds,
            TooLargeError, MediaCrashedError, OverloadedError, InsufficientStorageError.

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
                memory=self.decoded.reserve(caller),
                disk=self.spool.reserve(caller),
                patient=patient,
            )
        )

    def decode(
        self, source: BinaryIO | Path, *, options: DecodeOptions = DEFAULT, limits: AudioLimits
    ) -> Recording:
        """Decode a recording and wait for it; arguments and errors as those of `submit`."""
        return self.submit(source, options=options, limits=limits, patient=True).result()

    def measure(self, source: BinaryIO | Path, start: float, end: float | None) -> float:
        """Decode a part of a file, from `start` to `end` in seconds, and return its length.

        Raises:
            AudioError: as `read_excerpt`, or its decoder fails.
        """
        request = {"kind": "excerpt", "from": start, "to": end}
        task = Task(request, open_range(source), create_memory_file(), Future(), _seconds)
        return float(self._submit(task).result())

    def live(self, file: int) -> Generator[bytes, None, None]:
        """Decode a pipe as it comes: float32 at 16 kHz, mono, in pieces.

        Closing the generator ends the work.

        Args:
            file: a descriptor, read from where it is; it stays open.

        Raises:
            AudioError: it is in no format that can be read as it comes, damaged, or its decoder
                fails.
        """
        ours, theirs = os.pipe()
        window = FileRange(os.dup(file), 0, 0)
        task = Task({"kind": "live"}, window, theirs, Future(), lambda *_: None, timed=False)
        future = self._submit(task)
        try:
            while piece := os.read(ours, _PIECE_BYTES):
                yield piece
            future.result()
        finally:
            future.cancel()
            os.close(ours)

    def close(self) -> None:
        """End the processes; what is not finished fails."""
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
    """The pool of what has no pool of its own: the trainer, measurements, the command line.

    It ends with the process.
    """
    global _shared  # noqa: PLW0603 - one for each process, as processes are what it is about
    with _shared_lock:
        # A process that was forked from another has no thread to supervise.
        if _shared is None or _shared[0] != os.getpid():
            pool = MediaPool(PoolOptions(workers=min(4, os.cpu_count() or 1)))
            atexit.register(pool.close)
            _shared = os.getpid(), pool
        return _shared[1]
