"""`nordlyd jobs audit`: who did what to which job, from the audit log on this machine."""

import os
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.tables import print_table
from app.durations import ACCEPTED, parse_duration
from app.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.audit import AuditEntry
    from app.settings import Settings

_COLUMNS = ("job", "time", "action", "key", "client", "request")


def audit(
    *,
    job: Annotated[str | None, typer.Option(metavar="ID", help="Of this job alone.")] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the jobs of this key alone; its name or its id."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", help=f"Not older than this, {ACCEPTED}.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The lines of JSON as they are in the log.")
    ] = False,
) -> None:
    """Show who did what to which job, the oldest first, on the machine of the service.

    Reads audit.jsonl in NORDLYD_DATA, and not what logrotate has moved away.
    """
    from app.audit import AUDIT_LOG, read_entries  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    names = _names_of_keys(settings)
    wanted = _Selection(
        job,
        None if key is None else _owners(key, names),
        None if since is None else datetime.now(UTC) - _parse_since(since),
    )
    file = settings.data / AUDIT_LOG
    is_known = key is None or key in names or key in names.values()
    rows = []
    unreadable = 0
    for line, entry in read_entries(file):
        if entry is None:
            unreadable += 1
            continue
        is_known = is_known or entry.owner == key
        if not wanted.includes(entry):
            continue
        if as_json:
            print(line)
        else:
            rows.append(_row(entry, names))
    if not is_known:
        raise InvalidRequestError(
            f"There is no key {key!r}; `nordlyd keys list` shows names and ids.", param="key"
        )
    if not as_json:
        print_table(_COLUMNS, rows)
    if not file.exists():
        print(f"nordlyd: there is no audit log yet: {file}", file=sys.stderr)
    if unreadable:
        lines = "1 line" if unreadable == 1 else f"{unreadable} lines"
        print(f"nordlyd: {lines} of {file} cannot be read", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which entries are shown; None leaves one criterion out.

    Attributes:
        job: id of the job.
        owners: ids of keys.
        earliest: when it was done, or later.
    """

    job: str | None
    owners: frozenset[str] | None
    earliest: datetime | None

    def includes(self, entry: "AuditEntry") -> bool:
        """Returns whether an entry is shown."""
        return (
            (self.job is None or entry.job == self.job)
            and (self.owners is None or entry.owner in self.owners)
            and (self.earliest is None or entry.time >= self.earliest)
        )


def _row(entry: "AuditEntry", names: "Mapping[str, str]") -> tuple[str, ...]:
    """Returns the cells of an entry, in the order of `_COLUMNS`."""
    return (
        entry.job or entry.speaker,
        entry.time.isoformat(timespec="seconds"),
        entry.action,
        names.get(entry.owner, entry.owner),
        entry.client or "",
        entry.request or "",
    )


def _parse_since(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidRequestError(f"--since: {error}.", param="since") from None


def _names_of_keys(settings: "Settings") -> "Mapping[str, str]":
    """Returns the name of each stored key by its id."""
    from app.database import Database  # noqa: PLC0415
    from app.keys.existing import existing_store  # noqa: PLC0415

    with closing(Database.of(settings)) as database:
        store = existing_store(database)
        return {} if store is None else {key.id: key.name for key in store.list()}


def _owners(key: str, names: "Mapping[str, str]") -> frozenset[str]:
    """Returns the ids that `--key` means: those of a name, or the one that it is.

    A key whose record was removed has no name any more, but its id is in the log.
    """
    named = frozenset(key_id for key_id, name in names.items() if name == key)
    return named | {key}
