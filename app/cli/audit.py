"""`nordlyd jobs audit`: who did what to which job, from the audit log on this machine."""

import os
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.tables import print_table
from app.durations import ACCEPTED, parse_duration
from app.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    from app.jobs.audit import AUDIT_LOG, read_entries  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    earliest = None if since is None else datetime.now(UTC) - _parse_since(since)
    names = _names_of_keys(settings)
    owners = None if key is None else _owners(key, names)
    file = settings.data / AUDIT_LOG
    rows = []
    unreadable = 0
    is_known = owners is None or not owners.isdisjoint(names)
    for line, entry in read_entries(file):
        if entry is None:
            unreadable += 1
            continue
        is_known = is_known or entry.owner == key
        if (
            (job is not None and entry.job != job)
            or (owners is not None and entry.owner not in owners)
            or (earliest is not None and entry.time < earliest)
        ):
            continue
        if as_json:
            print(line)
            continue
        time = entry.time.isoformat(timespec="seconds")
        rows.append(
            (
                entry.job,
                time,
                entry.action,
                names.get(entry.owner, entry.owner),
                entry.client or "",
                entry.request or "",
            )
        )
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
