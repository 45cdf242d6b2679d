"""The audit log of jobs: who did what to which job, and nothing of what a recording contains.

A line of JSON each in `audit.jsonl` in the data folder. The file is opened for each line, so that
it may be renamed at any time, as logrotate does.
"""

import asyncio
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import structlog

from app.jobs.types import Owner

Action: TypeAlias = Literal[
    "submitted", "fetched", "deleted", "expired", "audio_expired",
    "webhook_delivered", "webhook_failed", "webhook_repeated",
]  # fmt: skip
"""`fetched` is the result; what expired was erased by a rule, without a request."""

_MODE = 0o600

_address: ContextVar[str | None] = ContextVar("address of the client", default=None)
_log = structlog.get_logger("nordlyd.jobs")


@contextmanager
def requested_from(address: str | None) -> Iterator[None]:
    """Within the context, what is done is done for a client of this address."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


class AuditLog:
    """Appends to the audit log.

    Args:
        file: is made by the first line, and can be read by its owner only.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    async def record(self, action: Action, job_id: str, owner: Owner) -> None:
        """Appends one line durably.

        A disk that is full does not keep a job from being erased: the line goes to the service's
        own log then, as an error.

        Args:
            action: what was done.
            job_id: to which job.
            owner: id of the key that the job belongs to.
        """
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": action,
            "job": job_id,
            "owner": owner,
            "client": _address.get(),
            "request": structlog.contextvars.get_contextvars().get("request_id"),
        }
        line = (json.dumps(entry) + "\n").encode()
        try:
            await asyncio.to_thread(_append, self._file, line)
        except OSError as error:
            _log.error("audit log cannot be written", reason=error.strerror, entry=entry)


def _append(file: Path, line: bytes) -> None:
    number = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        # Several processes may share the file.
        fcntl.flock(number, fcntl.LOCK_EX)
        size = os.fstat(number).st_size
        if os.write(number, line) < len(line):
            # The next line would be appended to the half that is there.
            os.ftruncate(number, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(number)
    finally:
        os.close(number)
