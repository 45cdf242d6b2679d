"""`nordlyd speakers list | add | delete`: the known speakers of a server."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.contract.speakers import KnownSpeaker
from nordlyd_client.errors import ClientError, InvalidRequestError

if TYPE_CHECKING:
    from nordlyd_client.sync import Client

speakers_app = typer.Typer(
    help="Who speaks in a recording: the voices that a server knows.", no_args_is_help=True
)

_NOT_FOUND = "speaker_not_found"
AsJson = Annotated[bool, typer.Option("--json", help="A line of JSON for each speaker.")]


@speakers_app.command(name="list")
def list_speakers(
    *, as_json: AsJson = False, server: shared.Server = None, api_key: shared.ApiKey = None
) -> None:
    """List the known speakers of your key, the oldest first."""
    with _client(server, api_key) as client:
        found = client.speakers.list()
    for speaker in found:
        _print(speaker, as_json=as_json)


@speakers_app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As transcripts will have it.")],
    sample: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A recording of the speaker alone, 2 to 60 s long."),
    ],
    *,
    as_json: AsJson = False,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Have the server keep a voice under your key; prints its id.

    A voice print is biometric data: have the person's consent.
    """
    with _client(server, api_key) as client:
        try:
            speaker = client.speakers.add(name, sample)
        except OSError as error:
            raise InvalidRequestError(
                f"{sample}: cannot be read: {error.strerror or error}.", param="file"
            ) from error
    if as_json:
        _print(speaker, as_json=True)
    else:
        print(speaker.id)


@speakers_app.command()
def delete(
    speaker_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="As list shows them.")],
    *,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Erase known speakers."""
    failed = False
    with _client(server, api_key) as client:
        for speaker_id in speaker_ids:
            try:
                client.speakers.delete(speaker_id)
            except ClientError as error:
                if error.code != _NOT_FOUND:
                    raise
                failed = True
                print(f"nordlyd: {error.message}", file=sys.stderr)
    raise typer.Exit(1 if failed else 0)


@contextmanager
def _client(server: str | None, api_key: str | None) -> "Iterator[Client]":
    """Opens the client of a server, by default of port 8000 of this machine."""
    from nordlyd_client.sync import Client  # noqa: PLC0415

    with Client(server, api_key) as client:
        yield client


def _print(speaker: KnownSpeaker, *, as_json: bool) -> None:
    if as_json:
        print(speaker.model_dump_json())
        return
    made = speaker.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    print(f"{speaker.id}  {made}  {speaker.seconds:.0f} s  {speaker.name}")
