"""A PostgreSQL server of its own for a test: Debian's programs, in a folder that vanishes."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "nordlyd"
_START_SECONDS = 60


def programs() -> Path:
    """The folder of the newest PostgreSQL that Debian has installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    assert found, "PostgreSQL is missing; run: apt install postgresql"
    return found[-1].parent


def _version(program: Path) -> int:
    return int(program.parts[-3])


class PostgreSQL:
    """A server that trusts whoever reaches it.

    Args:
        folder: of its files; it belongs to the user that the server runs as.
        host: the address that it listens on.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self._folder = folder
        self._host = host
        with socket.socket() as free:
            free.bind((host, 0))
            self.port = free.getsockname()[1]
        self._run(
            "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        with (folder / "data" / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("host all all all trust\n")
        self.start()

    @property
    def url(self) -> str:
        """Of a database that is empty at first."""
        return f"postgresql://{USER}@{self._host}:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        options = f"-p {self.port} -c listen_addresses={self._host} -k {self._folder}"
        self._run(
            "pg_ctl", "-D", self._folder / "data", "-l", self._folder / "log", "-o", options,
            "-w", "-t", str(_START_SECONDS), "start",
        )  # fmt: skip

    def stop(self) -> None:
        """Cut off every connection, and wait until the server has ended."""
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """End the server as a power cut would."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def dump(self) -> str:
        """Everything that is in the database, as SQL."""
        program = [programs() / "pg_dump", self.url]
        return subprocess.run(program, check=True, capture_output=True, text=True).stdout

    def _run(self, program: str, *arguments: str | Path) -> None:
        # PostgreSQL refuses to run as root.
        as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        subprocess.run(
            [*(as_user if os.getuid() == 0 else []), programs() / program, *arguments],
            check=True, timeout=2 * _START_SECONDS, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def postgresql(host: str = "127.0.0.1") -> Iterator[PostgreSQL]:
    """A running server."""
    folder = Path(tempfile.mkdtemp(prefix="nordlyd-postgresql-"))
    try:
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        server = PostgreSQL(folder, host)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
