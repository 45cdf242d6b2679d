"""Real services in processes of their own on loopback, and a client that waits for answers."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.sounds import Form, Upload

_HOST = "127.0.0.1"
_START_SECONDS = 300.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_LOG_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is ready.

    Attributes:
        port: on loopback.
        pid: of its process.
        start_seconds: from its start until it reported readiness.
    """

    port: int
    pid: int
    start_seconds: float


class ServiceError(Exception):
    """A service did not start, or did not answer as it should."""


class Client:
    """One connection to a service, kept open.

    Args:
        port: on loopback.
        timeout: seconds an answer may take.
    """

    def __init__(self, port: int, *, timeout: float = 600.0) -> None:
        self._connection = http.client.HTTPConnection(
            _HOST, port, timeout=timeout, blocksize=1 << 16
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def transcribe(self, upload: Upload) -> dict[str, Any]:
        """The answer to an uploaded recording.

        Raises:
            ServiceError: it is no 200 with a text.
        """
        return self._transcribe(upload.body, upload.headers)

    def transcribe_file(self, path: Path) -> dict[str, Any]:
        """The answer to a file that is read while it is sent; errors as `transcribe`."""
        form = Form.around(path.stat().st_size)
        return self._transcribe(form.stream(path), form.headers)

    def submit(self, audio: bytes) -> str:
        """The id of a job that was made of a WAV file.

        Raises:
            ServiceError: it was not accepted.
        """
        self._connection.request("POST", "/jobs", body=audio, headers={"content-type": "audio/wav"})
        return str(json.loads(self._read("POST /jobs"))["id"])

    def get(self, path: str) -> str:
        """The text of a page.

        Raises:
            ServiceError: it is no 200.
        """
        self._connection.request("GET", path)
        return self._read(f"GET {path}")

    def queued_seconds(self) -> float:
        """Audio that waits or runs, in seconds."""
        return float(json.loads(self.get("/health"))["queue"]["seconds"])

    def metric(self, name: str) -> float:
        """The sum of a metric of /metrics over its labels; 0 where it has not been counted."""
        found = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", self.get("/metrics"), re.MULTILINE)
        return sum(map(float, found))

    def _transcribe(
        self, body: bytes | Iterator[bytes], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        self._connection.request("POST", "/transcribe", body=body, headers=dict(headers))
        answer = json.loads(self._read("POST /transcribe"))
        if not isinstance(answer, dict) or "text" not in answer:
            raise ServiceError(f"the answer has no text: {str(answer)[:200]}")
        return answer

    def _read(self, what: str) -> str:
        response = self._connection.getresponse()
        text = response.read().decode()
        if response.status not in {http.client.OK, http.client.ACCEPTED}:
            raise ServiceError(f"{what}: {response.status} {text[:500]}")
        return text


@contextmanager
def nordlyd(
    models: Sequence[Path | str],
    arguments: Sequence[str] = (),
    /,
    *,
    folder: Path | None = None,
    **settings: object,
) -> Iterator[Running]:
    """`nordlyd serve` with these models; no setting of this process's environment reaches it.

    Args:
        models: what NORDLYD_MODELS may hold; empty leaves the default.
        arguments: of `nordlyd serve`.
        folder: where `data`, `tmp` (its temporary files) and `log` are to be, for those who look at
            them; None leaves them where they are by default.
        settings: names without the prefix, in lower case.
    """
    if models:
        settings["models"] = ",".join(map(str, models))
    port = free_port()
    settings |= {"host": _HOST, "port": port}
    environment = {f"NORDLYD_{name.upper()}": str(value) for name, value in settings.items()}
    if folder is not None:
        (folder / "tmp").mkdir()
        environment |= {"NORDLYD_DATA": str(folder / "data"), "TMPDIR": str(folder / "tmp")}
    command = [sys.executable, "-c", "from nordlyd_client.cli import main; main()", "serve"]
    log = None if folder is None else folder / "log"
    with _running([*command, *arguments], port, environment, log) as service:
        yield service


@contextmanager
def plain(folder: Path, dtype: str, device: str) -> Iterator[Running]:
    """The baseline of `bench.plain`, with the same checkpoint."""
    port = free_port()
    command = [sys.executable, "-m", "bench.plain", str(folder)]
    command += ["--dtype", dtype, "--device", device, "--port", str(port)]
    with _running(command, port, {}) as service:
        yield service


@contextmanager
def _running(
    command: list[str], port: int, environment: Mapping[str, str], kept_log: Path | None = None
) -> Iterator[Running]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NORDLYD_")}
    with kept_log.open("w+b") if kept_log else tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            env={**kept, "HF_HUB_OFFLINE": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while not _is_ready(port):
                if process.poll() is not None:
                    raise ServiceError(f"{command[-1]} did not start: {_tail(log.fileno())}")
                if time.perf_counter() - started > _START_SECONDS:
                    raise ServiceError(
                        f"not ready after {_START_SECONDS:g} s: {_tail(log.fileno())}"
                    )
                time.sleep(_POLL_SECONDS)
            yield Running(port, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(port: int) -> bool:
    with Client(port, timeout=5) as client:
        try:
            client.get("/health/ready")
        except (OSError, http.client.HTTPException, ServiceError):
            return False
    return True


def _tail(log: int) -> str:
    size = os.fstat(log).st_size
    return os.pread(log, _LOG_TAIL, max(0, size - _LOG_TAIL)).decode(errors="replace")


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
