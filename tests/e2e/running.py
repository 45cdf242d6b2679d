"""`nordlyd serve` as a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

NORDLYD = Path(sys.executable).with_name("nordlyd")
KEY = "nøkkel-1"
"""One of the keys of the guarded server."""
_START_SECONDS = 180.0
_LOG_SECONDS = 20.0


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with no setting of its own, and these instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NORDLYD_")}
    kept |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
    return kept | {f"NORDLYD_{name}": value for name, value in settings.items()}


class RunningServer:
    """A started server; `address` is known once it is ready.

    Args:
        folder: where its log goes.
        settings: names without the prefix NORDLYD_, and values.
        arguments: of `nordlyd serve`.
        descriptors: how many it may have open; as many as this process by default.
        program: the `nordlyd` of another environment.
        directory: the working directory; that of this process by default.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        arguments: tuple[str, ...] = (),
        *,
        descriptors: int | None = None,
        program: Path = NORDLYD,
        directory: Path | None = None,
    ) -> None:
        self.log = folder / "serve.log"
        settings = {"DATA": str(folder / "data"), **settings}
        self.greeting: list[str] = []
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(["prlimit", f"--nofile={descriptors}"] if descriptors else []),
                    *[program, "serve", "--port", "0", *arguments],
                ],
                env=environment({"DATA": str(folder / "data"), **settings}),
                cwd=directory,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._greeted = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.greeting.append(line.rstrip("\n"))
                self._greeted.set()
        self._greeted.set()

    @property
    def address(self) -> str:
        """The address that the log reports."""
        return self._listens("http")

    @property
    def vosk(self) -> str:
        """The address of the port for vosk's clients."""
        return self._listens("ws")

    @property
    def wyoming(self) -> str:
        """The address of the port for Wyoming clients."""
        return self._listens("tcp")

    def _listens(self, scheme: str) -> str:
        found = re.search(rf"\b{scheme}://127\.0\.0\.1:\d+", self.log.read_text())
        assert found, self.log.read_text()
        return found[0]

    def wait_ready(self, seconds: float = _START_SECONDS) -> "RunningServer":
        """Waits for the line it prints once it is ready; one that prints none is killed."""
        if not (in_time := self._greeted.wait(seconds)):
            self.process.kill()
        assert in_time, self.log.read_text()
        assert self.greeting, f"ended with {self.process.wait()}: {self.log.read_text()}"
        return self

    def log_line(self, request_id: str) -> dict[str, Any]:
        """Waits for the line that its log has of a request, and reads it; the log is of JSON.

        It is written once the answer has been sent, so the client may have the answer before.
        """
        until = time.monotonic() + _LOG_SECONDS
        while time.monotonic() < until:
            for line in self.log.read_text().splitlines(keepends=True):
                if not line.startswith("{") or not line.endswith("\n"):
                    continue
                entry: dict[str, Any] = json.loads(line)
                if entry.get("event") == "request" and entry.get("request_id") == request_id:
                    return entry
            time.sleep(0.02)
        raise AssertionError(f"the log has no line of {request_id}: {self.log.read_text()}")

    def client(self, **options: object) -> httpx.Client:
        """A client that waits long enough for a busy machine."""
        # Without TLS: to read the certificates of all authorities takes longer than many tests.
        return httpx.Client(base_url=self.address, timeout=120, verify=False, **options)  # type: ignore[arg-type]

    def signal_stop(self) -> None:
        """Starts the drain with SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Starts the drain and waits for the exit status."""
        self.signal_stop()
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self._reader.join(5)


def live_streams(client: httpx.Client) -> float:
    """Returns how many live streams the server counts."""
    found = re.search(r"^nordlyd_live_streams (\S+)", client.get("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def wait_until_queued(client: httpx.Client, *, seconds: float = 30.0) -> None:
    """Waits until the server has audio waiting or running."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if client.get("/health").json()["queue"]["seconds"] > 0:
            return
        time.sleep(0.01)
    raise AssertionError("nothing was queued")


def wait_until_idle(client: httpx.Client, *, seconds: float = 30.0) -> None:
    """Waits until the server has no audio waiting or running."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if client.get("/health").json()["queue"]["seconds"] == 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"still queued: {client.get('/health').json()['queue']}")
