"""The life of one media worker: requests come, recordings are decoded, until the service hangs up.

It runs in a process that the zygote forked. From `cage` on it has nothing but its socket and the
files that come with a request.
"""

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from app.audio.stored import SampleWriter
from app.audio.workers.messages import Channel, Message, error_to_json
from app.audio.workers.sandbox import cage, die_with_parent
from app.errors import NordlydError
from app.storage import FilePart, FileRange

_READ_BYTES = 2**16
_TRACE_CHARACTERS = 4_000


@dataclass(slots=True)
class Job:
    """One request as the work on it sees it.

    Attributes:
        request: what was sent.
        window: the part of a file to read.
        output: the descriptor to write to.
        channel: to the service, for what it is to know before the end.
    """

    request: Message
    window: FileRange
    output: int
    channel: Channel

    def open(self) -> BinaryIO:
        """Open the recording, at its beginning."""
        return cast("BinaryIO", io.BufferedReader(_WindowFile(self.window), _READ_BYTES))

    def tell_format(self, name: str) -> None:
        """Let the service know what is being read, should it kill this process."""
        self.channel.send({"format": name})

    def writer(self) -> SampleWriter:
        """Open the output for samples."""
        return SampleWriter(self.output, self.request["allowed"], _Growing(self.channel))


Handler = Callable[[Job], Message]
"""Does the work of a kind of request and returns what the service is to know of it."""


def serve(channel: Channel, handlers: dict[str, Handler], memory: int, file_bytes: int) -> None:
    """Answer requests until the service hangs up.

    Args:
        channel: to the service.
        handlers: what does the work, by the kind of request.
        memory: bytes the process may take more than now.
        file_bytes: the largest file it may write.
    """
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A terminal sends these to everything below it; the service says when this is to end.
        signal.signal(number, signal.SIG_IGN)
    # Its request is lost, and the process still there to say why.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    channel.send({"held": cage(memory, file_bytes)})
    while (received := channel.receive()) is not None:
        request, files = received
        window = FileRange(files[0], request["start"], request["size"])
        answer = _answer(Job(request, window, files[1], channel), handlers)
        for file in files:
            with suppress(OSError):
                os.close(file)
        channel.send(answer)


def _answer(job: Job, handlers: dict[str, Handler]) -> Message:
    try:
        return {"done": handlers[job.request["kind"]](job)}
    except NordlydError as error:
        return {"refused": error_to_json(error)}
    except MemoryError:
        return {"failed": "memory", "trace": ""}
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return {"failed": "memory", "trace": ""}
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        return {"failed": "disk" if full else "unforeseen", "trace": _trace()}
    # What a library raises over bytes that nobody foresaw is a fault of these bytes' request.
    except Exception:
        return {"failed": "unforeseen", "trace": _trace()}


def _trace() -> str:
    # Not format_exc: lines of source cannot be read any more.
    kind, error, place = sys.exc_info()
    where = " < ".join(
        f"{frame.name} {os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119
        for frame in reversed(traceback.extract_tb(place))
    )
    name = kind.__name__ if kind else ""
    return f"{name}: {error} < {where}"[:_TRACE_CHARACTERS]


class _Growing:
    """Asks the service for room; see `Grower`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._file: int | None = None

    def grow(self, samples: int) -> int:
        return self._ask(samples)

    def spool(self, samples: int) -> tuple[int, int]:
        allowed = self._ask(samples)
        assert self._file is not None
        return self._file, allowed

    def _ask(self, samples: int) -> int:
        self._channel.send({"grow": samples})
        received = self._channel.receive()
        if received is None:
            # The service is gone, or has given this request up.
            os._exit(0)
        message, files = received
        if files:
            self._file = files[0]
        return int(message["allowed"])


class _WindowFile(FilePart):
    """A part of a file, read without moving the position that its descriptors share."""

    def __init__(self, window: FileRange) -> None:
        super().__init__(window.size)
        self._window = window

    def read_at(self, position: int, buffer: memoryview) -> int:
        """See `FilePart`."""
        return os.preadv(self._window.file, [buffer], self._window.start + position)
