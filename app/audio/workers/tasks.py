"""One piece of work for a media worker, from its submission to its result."""

import os
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.audio.recording import SAMPLE_RATE, MemoryStore, Recording, SampleStore
from app.audio.stored import FLOAT_BYTES, FLOAT_SAMPLES, FileStore, stored_bytes
from app.audio.workers.messages import (
    BrokenMessageError,
    Message,
    decoded_from_json,
    statistics_from_json,
)
from app.errors import InsufficientStorageError
from app.storage import FileRange, Reservation, create_disk_file, create_memory_file

FIRST_SAMPLES = 15 * SAMPLE_RATE
"""How much may be decoded before a worker asks for more room."""
_MAX_MORE_SAMPLES = 1800 * SAMPLE_RATE
# Up to here the samples are taken out of their file, so that a long queue of clips needs no
# descriptors.
_IN_MEMORY_SAMPLES = 60 * SAMPLE_RATE
_LEAST_FREE_BYTES = 64 * 2**20


@dataclass(eq=False, slots=True, weakref_slot=True)
class Task:
    """What a worker is to do.

    Attributes:
        request: as it is sent.
        window: what is read.
        output: what is written; -1 once it was handed on or closed.
        future: told the result.
        result: makes the result of the worker's answer.
        caller: who wants it; empty for this process itself.
        request_id: for the log.
        memory: what the samples take in memory.
        disk: what they take on disk.
        patient: whether it waits where there is no room, instead of being refused.
        timed: whether it shares the processors with others and has a time limit.
        allowed: samples that it may write.
        spool: the file on disk, once there is one.
        format: what the worker found the recording to be.
        used: seconds that it has run.
        slice: seconds that it has run since it was last started or continued.
        waiting_since: when it was submitted or stopped.
    """

    request: Message
    window: FileRange
    output: int
    future: Future[Any]
    result: Callable[["Task", Message], Any]
    caller: str = ""
    request_id: str = ""
    memory: Reservation | None = None
    disk: Reservation | None = None
    patient: bool = False
    timed: bool = True
    allowed: int = FIRST_SAMPLES
    spool: int = -1
    format: str = ""
    used: float = 0.0
    slice: float = 0.0
    waiting_since: float = 0.0

    def admit(self) -> None:
        """Hold what the first samples take.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room for them.
        """
        if self.memory is not None:
            self.memory.resize(FLOAT_BYTES * FIRST_SAMPLES)

    def grow(self, samples: int) -> list[int]:
        """Allow so many samples or more; returns a descriptor where the worker has to be given one.

        Raises:
            OverloadedError, InsufficientStorageError: there is no room for them.
        """
        if self.memory is None or self.disk is None or not 0 < samples < 2**40:
            raise InsufficientStorageError("This is not to be written at all.")
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
        """Forget what was decoded, so that the work can begin again."""
        self.close_output()
        self.output = create_memory_file()
        self.allowed = FIRST_SAMPLES
        self._release()

    def send_result(self, value: Any) -> None:  # noqa: ANN401 - of whatever kind was wanted
        """End with a result; what nobody wants any more is closed."""
        try:
            self.future.set_result(value)
        except InvalidStateError:
            if isinstance(value, Recording):
                value.close()

    def fail(self, error: BaseException) -> None:
        """End without a result."""
        self.end()
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def close_input(self) -> None:
        """Close what is read."""
        if self.window.file >= 0:
            os.close(self.window.file)
            self.window = FileRange(-1, self.window.start, self.window.size)

    def end(self) -> None:
        """Close every file and hold nothing."""
        self.close_input()
        self.close_output()
        self._release()

    def take_recording(self, answer: Message) -> Recording:
        """Make the recording that a worker has written; its files are this task's no more.

        Raises:
            BrokenMessageError: the worker's answer is none.
        """
        decoded = decoded_from_json(answer["decoded"])
        statistics = statistics_from_json(answer["statistics"])
        samples = statistics.count
        if not 0 < samples <= self.allowed:
            raise BrokenMessageError("a worker has written more than it was allowed")
        assert self.memory is not None
        assert self.disk is not None
        store: SampleStore
        if self.spool >= 0:
            self.disk.resize(stored_bytes(samples))
            file, self.spool = self.spool, -1
            store = FileStore(file, samples, "blocks", closed=self.disk.release)
        elif samples <= _IN_MEMORY_SAMPLES:
            self.memory.resize(FLOAT_BYTES * samples)
            kept = FileStore(self.output, samples, "float", owned=False).read(0, samples)
            store = MemoryStore([kept], closed=self.memory.release)
        else:
            self.memory.resize(FLOAT_BYTES * samples)
            file, self.output = self.output, -1
            store = FileStore(file, samples, "float", closed=self.memory.release)
        recording = Recording(store, statistics, decoded.info, decoded.notices)
        self.memory = self.disk = None
        return recording

    def close_output(self) -> None:
        """Close what is written."""
        for file in (self.output, self.spool):
            if file >= 0:
                os.close(file)
        self.output = self.spool = -1

    def _release(self) -> None:
        for hold in (self.memory, self.disk):
            if hold is not None:
                hold.release()


def _check_free(file: int, size: int) -> None:
    """Refuse what would fill a disk up.

    Raises:
        InsufficientStorageError: there is not that much room.
    """
    status = os.fstatvfs(file)
    if status.f_bavail * status.f_frsize < size + _LEAST_FREE_BYTES:
        raise InsufficientStorageError(
            "The disk that decoded audio is kept on has no room for the whole recording."
        )
