"""The service of `scripted_jobs` as a process of its own, and its jobs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx


class JobsProcess:
    """A service that is there to be killed.

    Args:
        settings: of the service.
        log: where what it writes is appended.
    """

    def __init__(self, settings: dict[str, object], log: Path) -> None:
        program = Path(__file__).with_name("scripted_jobs.py")
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, program, json.dumps(settings)],
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self._log = log

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def client(self) -> httpx.Client:
        """A client, once it serves."""
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        assert port, self._log.read_text()[-5000:]
        return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


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
