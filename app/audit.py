"""The audit log: who did what to which job or known speaker, and nothing of any recording.

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
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from app.errors import ConfigurationError

Action: TypeAlias = Literal[
    "submitted", "fetched", "deleted", "expired", "audio_expired",
    "webhook_delivered", "webhook_failed", "webhook_repeated",
    "corrected", "training_allowed", "training_withdrawn", "exported",
    "speaker_added", "speaker_deleted",
]  # fmt: skip
"""`fetched` is the result; what expired was erased by a rule, without a request.

`exported` is a correction that was copied to a data folder for training.
"""

AUDIT_LOG = "audit.jsonl"
"""Name of the file in the data folder."""

_MODE = 0o600

_address: ContextVar[str | None] = ContextVar("address of the client", default=None)
_log = structlog.get_logger("nordlyd.jobs")


class AuditEntry(BaseModel):
    """A line of the audit log.

    Attributes:
        time: when it was done.
        action: what was done; a later version may know more actions than `Action`.
        job: to which job; empty for what was done to a known speaker.
        owner: id of the key that it belongs to; empty where none is needed.
        client: address of who did it; None for what a rule did.
        request: its `x-request-id`; None for what a rule did.
        speaker: to which known speaker; empty for what was done to a job.
    """

    model_config = ConfigDict(frozen=True)

    time: AwareDatetime
    action: str
    job: str
    owner: str
    client: str | None
    request: str | None
    speaker: str = ""


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

    async def record(
        self,
        action: Action,
        subject: str,
        owner: str,
        *,
        kind: Literal["job", "speaker"] = "job",
    ) -> None:
        """Appends one line durably.

        A disk that is full does not keep a job from being erased: the line goes to the service's
        own log then, as an error.

        Args:
            action: what was done.
            subject: id of the job or of the known speaker.
            owner: id of the key that it belongs to.
            kind: what the subject is.
        """
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": action,
            "job": subject if kind == "job" else "",
            "owner": owner,
            "client": _address.get(),
            "request": structlog.contextvars.get_contextvars().get("request_id"),
        }
        if kind == "speaker":
            entry["speaker"] = subject
        line = (json.dumps(entry) + "\n").encode()
        try:
            await asyncio.to_thread(_append, self._file, line)
        except OSError as error:
            _log.error("audit log cannot be written", reason=error.strerror, entry=entry)


def read_entries(file: Path) -> Iterator[tuple[str, AuditEntry | None]]:
    """Yields each line of an audit log and its entry; none where there is no log.

    A line that is no entry, as of a disk that was full, has None.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    entry = AuditEntry.model_validate_json(line)
                except ValidationError:
                    entry = None
                yield line.rstrip("\n"), entry
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None


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
