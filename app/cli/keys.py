"""`nordlyd keys create | list | revoke`: the API keys, in the database of the service."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.tables import print_table
from app.durations import ACCEPTED, parse_duration
from app.errors import InvalidRequestError
from app.keys import DEFAULT_SCOPES, SCOPES, ApiKey, Quota, Scope

if TYPE_CHECKING:
    from app.keys.store import KeyStore

_MAX_NAME = 200
_EXAMPLE_QUOTA = "requests_per_minute=60,audio_minutes_per_day=600"

app = typer.Typer(help="The API keys: make, list and revoke them, also while the service runs.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for people.")],
    scope: Annotated[
        str, typer.Option(help=f"What it allows, comma-separated: {', '.join(SCOPES)}.")
    ] = ",".join(DEFAULT_SCOPES),
    expires: Annotated[
        str | None, typer.Option(help="Until when it is accepted, such as 90d; default: for ever.")
    ] = None,
    quota: Annotated[
        str | None,
        typer.Option(help=f"Limits of its own, such as {_EXAMPLE_QUOTA}; comma-separated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Make a key and print it, once: only a hash of it is kept.

    As soon as there is a key, requests without one are refused.
    """
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidRequestError(
            f"The name has to be printable text of 1 to {_MAX_NAME} characters.", param="name"
        )
    scopes, expires_in, limits = _parse_scopes(scope), _parse_expiry(expires), _parse_quota(quota)
    with _key_store() as store:
        key, text = store.create(name.strip(), scopes=scopes, expires_in=expires_in, quota=limits)
    if as_json:
        print(json.dumps({**_as_row(key), "key": text}, ensure_ascii=False))
        return
    print(text)
    if sys.stderr.isatty():
        print("This key is shown once; keep it safe.", file=sys.stderr)


@app.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the keys with their ids, without their secrets."""
    with _key_store() as store:
        rows = [_as_row(key) for key in store.list()]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    columns = ("id", "name", "status", "scopes", "created_at", "expires_at", "last_used_at")
    lines = [
        tuple(
            ",".join(value) if isinstance(value, list) else str(value or "")
            for value in (row[column] for column in columns)
        )
        for row in rows
    ]
    print_table(columns, lines)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `nordlyd keys list` shows it.")],
    remove: Annotated[
        bool,
        typer.Option(
            "--remove", help="Remove its record and known speakers; without any, no key is needed."
        ),
    ] = False,
) -> None:
    """Refuse a key from now on; a running service does within seconds."""
    with _key_store() as store:
        if remove:
            store.remove(key_id)
        else:
            store.revoke(key_id)


@contextmanager
def _key_store() -> "Iterator[KeyStore]":
    """Opens the keys of the database that the settings name."""
    from app.database import Database  # noqa: PLC0415
    from app.keys.store import KeyStore  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    with closing(Database.of(settings)) as database:
        yield KeyStore(database)


def _parse_scopes(text: str) -> frozenset[Scope]:
    given = {each.strip() for each in text.split(",") if each.strip()}
    if not given or not given <= set(SCOPES):
        raise InvalidRequestError(
            f"--scope is {text!r}; accepted: one or more of {', '.join(SCOPES)}, "
            "separated by commas.",
            param="scope",
        )
    return frozenset(scope for scope in SCOPES if scope in given)


def _parse_expiry(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise InvalidRequestError(f"--expires: {error}.", param="expires") from None
    if seconds <= 0:
        raise InvalidRequestError(
            f"--expires is {text!r}; accepted: a length of time above 0, {ACCEPTED}.",
            param="expires",
        )
    return seconds


def _parse_quota(text: str | None) -> Quota | None:
    if text is None:
        return None
    parts = [part.partition("=") for part in text.split(",")]
    try:
        return Quota.model_validate({name.strip(): value.strip() for name, _, value in parts})
    # pydantic's errors are ValueErrors too.
    except ValueError:
        raise InvalidRequestError(
            f"--quota is {text!r}; accepted: one or more of {', '.join(Quota.model_fields)}, "
            f"each with a number above 0, such as {_EXAMPLE_QUOTA}.",
            param="quota",
        ) from None


def _as_row(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "status": key.status(time.time()),
        "scopes": [scope for scope in SCOPES if scope in key.scopes],
        "quota": None if key.quota is None else key.quota.model_dump(exclude_none=True),
        "created_at": _as_text(key.created_at),
        "expires_at": _as_text(key.expires_at),
        "revoked_at": _as_text(key.revoked_at),
        "last_used_at": _as_text(key.last_used_at),
    }


def _as_text(instant: float | None) -> str | None:
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")
