"""`nordlyd watch`: its arguments, and the folder that they name."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.cli.service import open_backend
from nordlyd_client.contract.options import TranscribeOptions
from nordlyd_client.errors import InvalidRequestError

_JOBS = 2


@shared.with_options(TranscribeOptions, leave_out=("word_cues",))
def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="IN", help="The folder that recordings are copied into.")
    ],
    output: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="Where the texts go; beside the recordings."),
    ] = None,
    *,
    format: shared.Formats = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Files at once.")
    ] = _JOBS,
    options: dict[str, str],
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Transcribe what is copied into a folder, until it is interrupted.

    A file is transcribed once it has not changed for five seconds; hidden
    files and those that are named as unfinished, such as .part, are left
    out. The text of IN/a/b.wav is OUT/a/b.wav.txt, and the reason why
    there is none OUT/a/b.wav.error.txt. Nothing is done twice; what is
    replaced by another content is done again.
    """
    formats = shared.read_formats(format, default="text")
    layout = shared.take_layout(options, formats)
    if not folder.is_dir():
        raise InvalidRequestError(f"{folder} is no folder.", param="folder")

    from nordlyd_client.cli.watched import WatchedFolder  # noqa: PLC0415

    # What decides the text; a file is done again where it differs.
    request: dict[str, object] = {
        "language": None,
        "model": None,
        **layout.given(),
        **options,
    }
    opened = partial(open_backend, options, server=server, key=api_key)
    with WatchedFolder(folder, output or folder, formats, layout, request) as watched:
        asyncio.run(watched.watch(opened, jobs))
