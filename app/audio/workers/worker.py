"""The main loop of a media worker: answers requests until the service closes its socket.

It runs in a process that the zygote forked. After `enter_sandbox` it can use nothing but its socket
and the files that arrive with a request.
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
from app.audio.workers.sandbox import die_with_parent, enter_sandbox
from app.errors import NordlydError
from app.storage import FilePart, FileRange

_READ_BYTES = 2**16
_TRACE_CHARACTERS = 4_000


@dataclass(slots=True)
class Job:
    """One request, as a handler receives it.

    Attributes:
        request: the message.
        input: the range of a file to read.
        output: descriptor of the file to write.
        channel: the socket to the service, for reports before the answer.
    """

    request: Message
    input: FileRange
    output: int
    channel: Channel

    def open(self) -> BinaryIO:
        """Opens the input, at its beginning."""
        return cast("BinaryIO", io.BufferedReader(_RangeFile(self.input), _READ_BYTES))

    def report_format(self, name: str) -> None:
        """Reports the recording's format, for the log in case this process is killed."""
        self.channel.send({"format": name})

    def writer(self) -> SampleWriter:
        """Opens the output for samples."""
        return SampleWriter(self.output, self.request["allowed"], _ChannelAllocator(self.channel))


Handler = Callable[[Job], Message]
"""Does the work for one kind of request; returns the answer."""


def serve(channel: Channel, handlers: dict[str, Handler], memory: int, file_bytes: int) -> None:
    """Answers requests until the service closes the socket.

    Args:
        channel: the socket to the service.
        handlers: by the kind of request.
        memory: bytes that the process may take beyond what it has now.
        file_bytes: the largest file that it may write.
    """
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A terminal sends these to all processes in it; the service decides when this one ends.
        signal.signal(number, signal.SIG_IGN)
    # Writing then fails with EFBIG, and the process can still report why.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    channel.send({"sandbox": enter_sandbox(memory, file_bytes)})
    while (received := channel.receive()) is not None:
        request, files = received
        source = FileRange(files[0], request["start"], request["size"])
        answer = _answer(Job(request, source, files[1], channel), handlers)
        for file in files:
            with suppress(OSError):
                os.close(file)
        channel.send(answer)


def _answer(job: Job, handlers: dict[str, Handler]) -> Message:
    try:
        return {"done": handlers[job.request["kind"]](job)}
    except NordlydError as error:
        return {"error": error_to_json(error)}
    except MemoryError:
        return {"failed": "memory", "trace": ""}
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return {"failed": "memory", "trace": ""}
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        return {"failed": "disk" if full else "unforeseen", "trace": _trace()}
    # A library may raise anything on unforeseen bytes; that fails this request alone.
    except Exception:
        return {"failed": "unforeseen", "trace": _trace()}


def _trace() -> str:
    # Not format_exc: the sandbox does not let it read lines of source.
    kind, error, place = sys.exc_info()
    where = " < ".join(
        f"{frame.name} {os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119
        for frame in reversed(traceback.extract_tb(place))
    )
    name = kind.__name__ if kind else ""
    return f"{name}: {error} < {where}"[:_TRACE_CHARACTERS]


class _ChannelAllocator:
    """Requests room from the service; see `SpaceAllocator`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._file: int | None = None

    def grow_in_memory(self, samples: int) -> int:
        return self._request(samples)

    def grow_on_disk(self, samples: int) -> tuple[int, int]:
        allowed = self._request(samples)
        assert self._file is not None
        return self._file, allowed

    def _request(self, samples: int) -> int:
        self._channel.send({"grow": samples})
        received = self._channel.receive()
        if received is None:
            # The service has ended, or has dropped this request.
            os._exit(0)
        message, files = received
        if files:
            self._file = files[0]
        return int(message["allowed"])


class _RangeFile(FilePart):
    """A range of a file, read without moving the position that its descriptors share."""

    def __init__(self, source: FileRange) -> None:
        super().__init__(source.size)
        self._source = source

    def read_at(self, position: int, buffer: memoryview) -> int:
        """See `FilePart`."""
        return os.preadv(self._source.file, [buffer], self._source.start + position)
