"""Handlers of media workers for tests: some recordings make their worker crash, hang or grow.

A recording that begins with one of the words below triggers that fault; any other is decoded as
usual. The service itself does not know these words.
"""

import ctypes
import errno
import os
import signal
import socket
import time
from pathlib import Path

from app.audio.workers import handlers
from app.audio.workers.messages import Message
from app.audio.workers.worker import Job
from app.errors import AudioError

CRASH, ABORT, HANG, SPIN, EAT, FULL, RAISE, LIE, NOISE, ESCAPE = (
    b"CRASH", b"ABORT", b"HANG.", b"SPIN.", b"EAT..", b"FULL.", b"RAISE", b"LIE..", b"NOISE",
    b"ESCAP",
)  # fmt: skip


def slow(seconds: float) -> bytes:
    """A recording that takes so many processor seconds to be refused."""
    return b"SLOW." + f"{seconds:g}".encode()


def recording(job: Job) -> Message:  # noqa: PLR0912 - one a word
    """Triggers the fault that the recording begins with, or decodes it."""
    word = job.open().read(5)
    match word:
        case b"CRASH":
            ctypes.string_at(0)
        case b"ABORT":
            os.abort()
        case b"HANG.":
            time.sleep(3600)
        case b"SPIN.":
            while True:
                pass
        case b"EAT..":
            kept = []
            while True:
                kept.append(bytearray(2**22))
        case b"FULL.":
            raise OSError(errno.ENOSPC, "No space left on device")
        case b"RAISE":
            raise ZeroDivisionError("of a library")
        case b"LIE..":
            return {"decoded": 1, "statistics": []}
        case b"NOISE":
            os.write(job.channel.fileno(), b"[" * 100_000 + b"\n")
        case b"ESCAP":
            raise AudioError(f"escaped by: {', '.join(_escapes(job)) or 'nothing'}")
        case b"SLOW.":
            seconds = float(job.open().read()[5:])
            until = time.process_time() + seconds
            while time.process_time() < until:
                pass
            raise AudioError("slow, and no audio")
    return handlers.recording(job)


def excerpt(job: Job) -> Message:
    """Crashes on a recording that begins with CRASH, or measures it."""
    if job.open().read(5) == CRASH:
        ctypes.string_at(0)
    return handlers.excerpt(job)


def _escapes(job: Job) -> list[str]:
    """Ways out of the sandbox that are open."""
    attempts = {
        "reading a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "reading its own memory map": lambda: os.open("/proc/self/maps", os.O_RDONLY),
        "writing a file": lambda: os.open("/tmp/escaped", os.O_WRONLY | os.O_CREAT),
        "listing a folder": lambda: list(Path("/").iterdir()),
        "removing a file": lambda: Path("/tmp/nothing-here-1").unlink(),
        "a TCP socket": lambda: socket.socket(socket.AF_INET),
        "a local socket": lambda: socket.socket(socket.AF_UNIX),
        "a process": os.fork,
        "a program": lambda: os.execv("/bin/true", ["true"]),
        "a signal to its parent": lambda: os.kill(os.getppid(), signal.SIGCONT),
        "writing to the recording": lambda: os.pwrite(job.input.file, b"x", 0),
    }
    return [name for name, attempt in attempts.items() if _works(attempt)]


def _works(attempt: object) -> bool:
    try:
        attempt()  # type: ignore[operator]
    except OSError as error:
        # A call that is not refused fails because the file does not exist.
        return error.errno == errno.ENOENT
    return True


HANDLERS = {**handlers.HANDLERS, "recording": recording, "excerpt": excerpt}
warm_up = handlers.warm_up
