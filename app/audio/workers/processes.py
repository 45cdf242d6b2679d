"""The processes of the pool as the service sees them: the zygote, and the workers it forks."""

import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from app.audio.workers.messages import Channel
from app.audio.workers.tasks import Task

State = Literal["starting", "idle", "running", "paused", "dying"]

_ZYGOTE = "app.audio.workers.zygote"
_END_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Worker:
    """One worker process.

    Attributes:
        number: by which the zygote's answer is known.
        channel: to it.
        pid: once the zygote has forked it.
        state: what it does.
        task: what it works on.
        reason: why it was ended; empty where it ended by itself.
    """

    number: int
    channel: Channel
    pid: int | None = None
    state: State = "starting"
    task: Task | None = None
    reason: str = ""

    def start(self, task: Task) -> None:
        """Send a task; its input is then the worker's alone.

        Raises:
            OSError: the worker is gone.
        """
        self.task, self.state = task, "running"
        request = {
            **task.request,
            "start": task.window.start,
            "size": task.window.size,
            "allowed": task.allowed,
        }
        self.channel.send(request, [task.window.file, task.output])

    def pause(self) -> None:
        """Stop it where it is."""
        self.state = "paused"
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.state = "running"
        self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        """Send a signal; one that is gone is not missed."""
        # It is reaped only when this pool says so: the number is no other process's.
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def limit_processor(self, seconds: float) -> None:
        """Have the kernel end it after so many more processor seconds, or never."""
        if sys.platform != "linux" or self.pid is None:
            return
        with suppress(OSError, ValueError):
            # The clock of another process; see clock_getcpuclockid(3).
            used = time.clock_gettime((~self.pid << 3) | 2)
            _, hard = resource.prlimit(self.pid, resource.RLIMIT_CPU)
            limit = hard if seconds == math.inf else int(used + seconds) + 1
            if hard != resource.RLIM_INFINITY:
                limit = min(limit, hard)
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (limit, hard))


class Zygote:
    """The process that forks workers.

    Args:
        handlers: the module that says what workers can do.
        memory: bytes that a worker may take.
        file_bytes: the largest file that it may write.
    """

    def __init__(self, handlers: str, memory: int, file_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and a module of ours
                [sys.executable, "-P", "-m", _ZYGOTE, str(theirs.fileno())],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd="/",
            )
        self.channel = Channel(ours)
        self.ready = False
        self.channel.send({"handlers": handlers, "memory": memory, "file_bytes": file_bytes})

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def fork(self, number: int) -> Worker:
        """Begin to make a worker.

        Raises:
            OSError: the zygote is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.channel.send({"fork": number}, [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return Worker(number, Channel(ours))

    def reap(self, pid: int) -> None:
        """Begin to find out how a worker ended.

        Raises:
            OSError: the zygote is gone.
        """
        self.channel.send({"reap": pid})

    def close(self) -> None:
        """End it, and with it every worker."""
        self.channel.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Only what Python needs: no keys, no proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        # A worker decodes on one thread; numpy's own would not outlive the fork.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # Memory goes back to the system soon, and threads share what is free.
        "MALLOC_ARENA_MAX": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


Restarted = Callable[[str], None]
"""EventQueue why a worker had to be replaced."""
