"""The service of `scripted_jobs` as a process of its own, and its jobs."""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from hosts import Host


@functools.cache
def _starter() -> socket.socket:
    """Where processes are started and killed; it ends with this process."""
    ours, theirs = socket.socketpair()
    program = Path(__file__).with_name("scripted_jobs.py")
    with theirs:
        process = subprocess.Popen(
            [sys.executable, program, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


class JobsProcess:
    """A service that is there to be killed.

    Args:
        settings: of the service.
        log: where what it writes is appended.
        host: where it runs; on loopback by default.
    """

    def __init__(self, settings: dict[str, object], log: Path, *, host: Host | None = None) -> None:
        self._address = "127.0.0.1" if host is None else host.address
        place = {"address": self._address, "namespace": None if host is None else host.name}
        reading, writing = os.pipe()
        with log.open("ab") as errors:
            message = json.dumps(settings | place).encode()
            socket.send_fds(_starter(), [message], [writing, errors.fileno()])
            os.close(writing)
            self._pid = int(_starter().recv(100))
        self._output = os.fdopen(reading)
        self._log = log

    def client(self) -> httpx.Client:
        """A client, once it serves."""
        port = self._output.readline().strip()
        assert port, self._log.read_text()[-5000:]
        return httpx.Client(base_url=f"http://{self._address}:{port}", timeout=60)

    def hang(self) -> None:
        """Stops all of its threads, until `wake`."""
        os.kill(self._pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Lets its threads continue."""
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would; once it has ended, this does nothing."""
        if self._output.closed:
            return
        _starter().send(str(self._pid).encode())
        assert _starter().recv(100) == b"killed"
        self._output.close()


def every_job(client: httpx.Client) -> list[dict[str, Any]]:
    """Every job, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = client.get("/jobs", params={"limit": 30} | after).json()
        found += page["jobs"]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}
