"""A server that speaks S3: JuiceFS's gateway, which has MinIO's front, over a folder."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

_JUICEFS = Path(sys.executable).with_name("juicefs")
_START_SECONDS = 30.0
_BUCKET = "nordlyd"


class S3Server:
    """A running server with one empty bucket, `nordlyd`.

    Args:
        folder: where it keeps everything.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self._meta = f"sqlite3://{folder / 'meta.db'}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "nordlyd",
            "AWS_SECRET_ACCESS_KEY": "a secret of a test",
        }
        self._run("format", "--storage", "file", "--bucket", f"{folder / 'blocks'}/",
                  "--trash-days", "0", self._meta, "test")  # fmt: skip
        self.start()
        self._make_bucket()

    def start(self) -> None:
        """Starts it, on the same port and with what it had; returns once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(_JUICEFS, "gateway", "--multi-buckets", "--no-banner", "--no-usage-report"),
                    *("--backup-meta", "0", "--metrics", "127.0.0.1:0"),
                    *("--cache-dir", str(self._folder / "cache"), "--log", os.devnull),
                    *(self._meta, f"127.0.0.1:{self._port}"),
                ],
                env=os.environ
                | {
                    "MINIO_ROOT_USER": self.environment["AWS_ACCESS_KEY_ID"],
                    "MINIO_ROOT_PASSWORD": self.environment["AWS_SECRET_ACCESS_KEY"],
                },
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < until, self._log.read_text()
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Kills it; what it has acknowledged stays."""
        self._process.kill()
        self._process.wait(20)

    def store(self, prefix: str = "") -> S3Store:
        """A client of the bucket, or of a prefix in it."""
        return S3Store.from_url(
            f"s3://{_BUCKET}/{prefix}", client_options={"allow_http": True}, **self._configuration()
        )

    def objects(self) -> list[str]:
        """The names of all objects."""
        return sorted(entry["path"] for entry in obstore.list(self.store()).collect())

    def _configuration(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.environment.items()}

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), 1).close()
        except OSError:
            return False
        return True

    def _make_bucket(self) -> None:
        url = obstore.sign(self.store(), "PUT", "", timedelta(minutes=1))
        request = urllib.request.Request(url, method="PUT")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200

    def _run(self, *arguments: str) -> None:
        subprocess.run([_JUICEFS, *arguments], check=True, capture_output=True)
