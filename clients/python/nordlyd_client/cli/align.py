"""`nordlyd align`: finds when each word of a text is spoken in a recording."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.cli.backends import Input
from nordlyd_client.cli.inputs import STDIN, find_input
from nordlyd_client.cli.service import open_backend
from nordlyd_client.contract.options import AlignOptions
from nordlyd_client.errors import InvalidRequestError
from nordlyd_client.values import Alignment


@shared.with_options(AlignOptions)
def align(
    audio: Annotated[str, typer.Argument(help="Audio or video file; - reads stdin.")],
    text: Annotated[str, typer.Argument(help="File with the text that is spoken; - reads stdin.")],
    *,
    format: shared.Formats = None,
    output: shared.Output = None,
    word_cues: shared.WordCues = False,
    options: dict[str, str],
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Find when each word of a text is spoken in a recording.

    Words are written as they are in the text. The number of words that
    were not found is printed on stderr.
    """
    formats = shared.read_formats(format, default="json")
    if output is None:
        shared.check_printable(formats)
    if audio == text == STDIN:
        raise InvalidRequestError("only one of AUDIO and TEXT can be read from stdin.")

    spoken = _read(text)
    item = find_input(audio)
    opened = open_backend(options, server=server, key=api_key)

    async def run() -> Alignment:
        async with opened as backend:
            return await backend.align(item, spoken)

    alignment = asyncio.run(run())
    _write(alignment, item, formats, output, word_cues=word_cues)
    for warning in alignment.warnings:
        print(f"nordlyd: {item.shown}: warning: {warning.message}", file=sys.stderr)
    missing = sum(not word.found for word in alignment.words)
    if missing:
        total = len(alignment.words)
        print(f"nordlyd: {missing} of {total} words were not found", file=sys.stderr)


def _read(text: str) -> str:
    try:
        data = sys.stdin.buffer.read() if text == STDIN else Path(text).read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(
            f"{text}: cannot be read as UTF-8 text: {error}", param="text"
        ) from error


def _write(
    alignment: Alignment,
    item: Input,
    formats: tuple[str, ...],
    output: Path | None,
    *,
    word_cues: bool,
) -> None:
    """Prints the one format, or writes each to its file and prints the file's path."""
    from nordlyd_client.formats import as_transcript, describe, render  # noqa: PLC0415
    from nordlyd_client.watching import write_whole  # noqa: PLC0415

    transcript = as_transcript(alignment)
    for name in formats:
        body = (
            f"{alignment.body}\n".encode()
            if name == "json"
            else render(transcript, name, recording=item.path.name, word_cues=word_cues).body
        )
        if output is None:
            print(body.decode(), end="", flush=True)
            continue
        path = output / describe(name).file_name(item.path.stem)
        try:
            write_whole(path, body)
        except OSError as error:
            raise InvalidRequestError(
                f"{path}: cannot be written: {error.strerror}.", param="output"
            ) from error
        print(path)
