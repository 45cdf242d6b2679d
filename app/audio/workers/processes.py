"""Handles of the pool's processes: the zygote, and the workers that it forks."""

import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from app.audio.workers.messages import Channel
from app.audio.workers.tasks import Task

State = Literal["starting", "idle", "running", "paused", "ending"]

_ZYGOTE = "app.audio.workers.zygote"
_END_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Worker:
    """One worker process.

    Attributes:
        number: identifies it in the zygote's answers.
        channel: the socket to it.
        pid: None until the zygote has forked it.
        state: what it does now.
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
        """Sends a task with its files.

        Raises:
            OSError: the worker is gone.
        """
        self.task, self.state = task, "running"
        request = {
            **task.request,
            "start": task.input.start,
            "size": task.input.size,
            "allowed": task.allowed,
        }
        self.channel.send(request, [task.input.file, task.output])

    def pause(self) -> None:
        """Stops the process; `resume` continues it."""
        self.state = "paused"
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continues the process."""
        self.state = "running"
        self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        """Sends a signal; does nothing where the process has ended."""
        # The zygote reaps it only on request, so the number cannot be another process's.
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def limit_processor(self, seconds: float) -> None:
        """Has the kernel end it after so many more processor seconds; `inf` sets no limit."""
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
        handlers: module with the handlers that workers run.
        memory: bytes that a worker may take beyond those it starts with.
        file_bytes: the largest file that a worker may write.
    """

    def __init__(self, handlers: str, memory: int, file_bytes: int) -> None:
        parent, child = socket.socketpair()
        with child:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and a module of ours
                [sys.executable, "-P", "-m", _ZYGOTE, str(child.fileno())],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(child.fileno(),),
                cwd="/",
            )
        self.channel = Channel(parent)
        self.channel.send({"handlers": handlers, "memory": memory, "file_bytes": file_bytes})

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fork(self, number: int) -> Worker:
        """Begins to fork a worker; the zygote reports its process id on `channel`.

        Raises:
            OSError: the zygote is gone.
        """
        parent, child = socket.socketpair()
        with child:
            try:
                self.channel.send({"fork": number}, [child.fileno()])
            except OSError:
                parent.close()
                raise
        return Worker(number, Channel(parent))

    def reap(self, pid: int) -> None:
        """Begins to reap a worker; the zygote reports its exit status on `channel`.

        Raises:
            OSError: the zygote is gone.
        """
        self.channel.send({"reap": pid})

    def close(self) -> None:
        """Ends the zygote, and every worker with it."""
        self.channel.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """The variables that Python needs: no keys, no proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        # A worker decodes on one thread; threads that numpy starts would not survive the fork.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # One arena: threads share free memory, and it is returned to the system soon.
        "MALLOC_ARENA_MAX": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
