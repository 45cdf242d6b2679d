"""A task for a media worker, from its submission to its result."""

import os
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.audio.recording import SAMPLE_RATE, MemoryStore, Recording, SampleStore
from app.audio.stored import FLOAT_BYTES, FLOAT_SAMPLES, FileStore, stored_bytes
from app.audio.workers.messages import (
    InvalidMessageError,
    Message,
    decoded_from_json,
    statistics_from_json,
)
from app.errors import InsufficientStorageError
from app.storage import FileRange, Reservation, create_disk_file, create_memory_file

FIRST_SAMPLES = 15 * SAMPLE_RATE
"""How many samples a worker may write before it requests more room."""
_MAX_MORE_SAMPLES = 1800 * SAMPLE_RATE
# Up to this length the samples are copied out of their file, so that a long queue of clips takes
# no descriptors.
_IN_MEMORY_SAMPLES = 60 * SAMPLE_RATE
_MIN_FREE_BYTES = 64 * 2**20


@dataclass(eq=False, slots=True, weakref_slot=True)
class Task:
    """One request to a worker, with its files, its result and its share of the budgets.

    Attributes:
        request: the message to the worker, without what `Worker.start` adds.
        input: the file that is read; its descriptor is -1 once it was closed.
        output: descriptor of the file that is written; -1 once it was passed on or closed.
        future: receives the result or the error.
        result: makes the result from this task and the worker's answer.
        caller: whose request it is; empty for this process itself.
        request_id: for the log.
        memory: reserves what the samples take in memory.
        disk: reserves what they take on disk.
        wait_for_room: wait where the budgets have no room, instead of failing.
        background: run only while no other task waits.
        timed: shares the processors with other tasks and has a time limit.
        allowed: samples that the worker may write.
        spool: descriptor of the file on disk; -1 until there is one.
        format: name of the recording's format, once the worker has reported it.
        used: seconds that the task has run.
        slice: seconds that it has run since it was last started or continued.
        waiting_since: instant of `time.monotonic` at which it was queued or stopped.
    """

    request: Message
    input: FileRange
    output: int
    future: Future[Any]
    result: Callable[["Task", Message], Any]
    caller: str = ""
    request_id: str = ""
    memory: Reservation | None = None
    disk: Reservation | None = None
    wait_for_room: bool = False
    background: bool = False
    timed: bool = True
    allowed: int = FIRST_SAMPLES
    spool: int = -1
    format: str = ""
    used: float = 0.0
    slice: float = 0.0
    waiting_since: float = 0.0

    def reserve(self) -> None:
        """Reserves memory for the first samples.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room for them.
        """
        if self.memory is not None:
            self.memory.resize(FLOAT_BYTES * FIRST_SAMPLES)

    def grow(self, samples: int) -> list[int]:
        """Reserves room for so many samples or more.

        Returns:
            Descriptors to send to the worker: the file on disk, when it is first needed.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room for them.
        """
        if self.memory is None or self.disk is None or not 0 < samples < 2**40:
            raise InsufficientStorageError("The media worker may not write this much.")
        more = max(samples, self.allowed + min(self.allowed, _MAX_MORE_SAMPLES))
        if samples <= FLOAT_SAMPLES:
            allowed = min(more, FLOAT_SAMPLES)
            self.memory.resize(FLOAT_BYTES * allowed)
            self.allowed = allowed
            return []
        before = self.disk.size
        size = stored_bytes(more)
        self.disk.resize(size)
        try:
            descriptors = []
            if self.spool < 0:
                self.spool = create_disk_file()
                descriptors = [self.spool]
            _check_free(self.spool, size - before)
        except BaseException:
            self.disk.resize(before)
            raise
        self.memory.resize(0)
        self.allowed = more
        return descriptors

    def reset(self) -> None:
        """Discards what was decoded, so that the work can begin again."""
        self.close_output()
        self.output = create_memory_file()
        self.allowed = FIRST_SAMPLES
        self._release()

    def send_result(self, value: Any) -> None:  # noqa: ANN401 - of any kind
        """Delivers the result; it is closed where the future was cancelled."""
        try:
            self.future.set_result(value)
        except InvalidStateError:
            if isinstance(value, Recording):
                value.close()

    def fail(self, error: BaseException) -> None:
        """Closes all files and delivers an error."""
        self.end()
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def close_input(self) -> None:
        """Closes the input."""
        if self.input.file >= 0:
            os.close(self.input.file)
            self.input = FileRange(-1, self.input.start, self.input.size)

    def end(self) -> None:
        """Closes all files and releases what is reserved."""
        self.close_input()
        self.close_output()
        self._release()

    def take_recording(self, answer: Message) -> Recording:
        """Makes the recording from what a worker has written; it takes over the files.

        Raises:
            InvalidMessageError: the worker's answer describes no recording.
        """
        decoded = decoded_from_json(answer["decoded"])
        statistics = statistics_from_json(answer["statistics"])
        samples = statistics.count
        if not 0 < samples <= self.allowed:
            raise InvalidMessageError("a worker has written more than it was allowed")
        assert self.memory is not None
        assert self.disk is not None
        store: SampleStore
        if self.spool >= 0:
            self.disk.resize(stored_bytes(samples))
            file, self.spool = self.spool, -1
            store = FileStore(file, samples, "blocks", on_close=self.disk.release)
        elif samples <= _IN_MEMORY_SAMPLES:
            self.memory.resize(FLOAT_BYTES * samples)
            kept = FileStore(self.output, samples, "float", owned=False).read(0, samples)
            store = MemoryStore([kept], on_close=self.memory.release)
        else:
            self.memory.resize(FLOAT_BYTES * samples)
            file, self.output = self.output, -1
            store = FileStore(file, samples, "float", on_close=self.memory.release)
        recording = Recording(store, statistics, decoded.info, decoded.notices)
        self.memory = self.disk = None
        return recording

    def close_output(self) -> None:
        """Closes the output."""
        for file in (self.output, self.spool):
            if file >= 0:
                os.close(file)
        self.output = self.spool = -1

    def _release(self) -> None:
        for reservation in (self.memory, self.disk):
            if reservation is not None:
                reservation.release()


def _check_free(file: int, size: int) -> None:
    """Refuses to fill up a disk.

    Raises:
        InsufficientStorageError: less would be left than 64 MiB.
    """
    status = os.fstatvfs(file)
    if status.f_bavail * status.f_frsize < size + _MIN_FREE_BYTES:
        raise InsufficientStorageError(
            "The disk that decoded audio is kept on has no room for the whole recording."
        )
