"""`nordlyd serve --ray` as a process of its own, and the processes of its replicas."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from running import RunningServer, environment

_REPLICA = "ray::ServeReplica:nordlyd-"
QUEUE_SECONDS = 4 * 3600
_OPERATE = Path(__file__).with_name("operate.py")


class ClusterServer(RunningServer):
    """A server with a Ray cluster of its own.

    Args:
        folder: where its log goes.
        settings: names without the prefix NORDLYD_, and values.
        arguments: of `nordlyd serve`.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str], arguments: tuple[str, ...] = ("--ray",)
    ) -> None:
        # Ray's sockets are in it, and their paths have at most 107 bytes.
        self._ray = tempfile.TemporaryDirectory(prefix="nordlyd-ray-", dir="/tmp")
        self._settings = dict(settings)
        os.environ["RAY_TMPDIR"] = self._ray.name
        try:
            super().__init__(folder, settings, arguments)
        finally:
            del os.environ["RAY_TMPDIR"]

    def replicas(self) -> list[psutil.Process]:
        """The processes of its replicas."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if process.cmdline()[:1] and process.cmdline()[0].startswith(_REPLICA):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def counts(self) -> dict[str, float]:
        """Windows that each replica has encoded, by its id."""
        found: dict[str, float] = json.loads(self._operate("counts"))
        return found

    def redeploy(self) -> None:
        """Replaces all replicas by new ones; returns once these serve."""
        assert json.loads(self._operate("redeploy")) == "redeployed"

    def _operate(self, command: str) -> str:
        """Runs a command of `operate.py` on its cluster; returns the last line of its output."""
        ended = subprocess.run(
            [sys.executable, str(_OPERATE), command],
            env=environment(self._settings) | {"RAY_TMPDIR": self._ray.name},
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.splitlines()[-1]

    def wait_for_replicas(self, number: int, *, seconds: float = 180.0) -> None:
        """Waits until so many replicas serve: each brings the room of its queue."""
        room = f"nordlyd_queue_limit_audio_seconds {number * QUEUE_SECONDS:.1f}\n"

        def all_report() -> bool:
            with self.client() as client:
                return len(self.replicas()) == number and room in client.get("/metrics").text

        wait_for(all_report, seconds=seconds)

    def stop(self) -> int:
        """Starts the drain and waits for the exit status."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        try:
            return super().stop()
        finally:
            kill_all(children)
            self._ray.cleanup()


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Ends those that still run, and waits until they have ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=20)


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Polls until the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{condition} did not become true in {seconds:g} s"
        time.sleep(0.2)
