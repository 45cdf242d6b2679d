"""`nordlyd align`: a recording and its text in, the times of the words out."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import arguments as shared
from app.cli.models import report_pull
from app.cli.quiet import configure_quiet_logging
from app.errors import InvalidRequestError
from app.settings import load_settings

if TYPE_CHECKING:
    from app.cli.inputs import Input
    from app.cli.transcribing import Aligned

_STDIN = "-"


def align(
    audio: Annotated[str, typer.Argument(help="Audio or video file; - reads stdin.")],
    text: Annotated[str, typer.Argument(help="File with what is said in it; - reads stdin.")],
    *,
    format: shared.Formats = None,
    output: shared.Output = None,
    word_cues: shared.WordCues = False,
    language: shared.Language = None,
    model: shared.Model = None,
    track: shared.Track = None,
    strict: shared.Strict = False,
    encoding: shared.Encoding = None,
    rate: shared.Rate = None,
    channels: shared.Channels = None,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Find when each word of a text is said in a recording.

    Words come back as they were written. How many were not found is told on stderr.
    """
    formats = shared.read_formats(format, default="json")
    if output is None and len(formats) > 1:
        raise InvalidRequestError(
            f"several formats ({', '.join(formats)}) need a folder: --output DIR.", param="output"
        )
    if audio == text == _STDIN:
        raise InvalidRequestError("only one of AUDIO and TEXT can be read from stdin.")
    settings = load_settings(os.environ)
    configure_quiet_logging(settings)

    from app.cli.inputs import find_input  # noqa: PLC0415
    from app.cli.transcribing import Wanted  # noqa: PLC0415
    from app.cli.working import open_work  # noqa: PLC0415

    said = _read(text)
    item = find_input(audio)
    fields = shared.given_fields(
        track=track, strict=strict, encoding=encoding, rate=rate, channels=channels
    )
    wanted = Wanted(language, model, fields)
    work = open_work(settings, wanted, server=server, key=api_key, report=report_pull)

    import asyncio  # noqa: PLC0415

    async def run() -> "Aligned":
        async with work as transcribing:
            return await transcribing.align(item, said)

    aligned = asyncio.run(run())
    _show(aligned, item, formats, output, word_cues=word_cues)
    for notice in aligned.transcript.warnings:
        print(f"nordlyd: {item.shown}: warning: {notice.message}", file=sys.stderr)
    lost = sum(not word.found for word in aligned.transcript.words)
    if lost:
        total = len(aligned.transcript.words)
        print(f"nordlyd: {lost} of {total} words were not found", file=sys.stderr)


def _read(text: str) -> str:
    try:
        data = sys.stdin.buffer.read() if text == _STDIN else Path(text).read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(
            f"{text}: cannot be read as UTF-8 text: {error}", param="text"
        ) from error


def _show(
    aligned: "Aligned",
    item: "Input",
    formats: tuple[str, ...],
    output: Path | None,
    *,
    word_cues: bool,
) -> None:
    """Print one format, or write each to its file."""
    from app.cli.journal import write_whole  # noqa: PLC0415
    from app.formats import as_transcript, describe, render  # noqa: PLC0415

    transcript = as_transcript(aligned.transcript)
    for name in formats:
        body = (
            aligned.body
            if name == "json"
            else render(transcript, name, recording=item.path.name, word_cues=word_cues).body
        )
        if output is None:
            print(body, end="", flush=True)
            continue
        path = output / describe(name).file_name(item.path.stem)
        try:
            write_whole(path, body)
        except OSError as error:
            raise InvalidRequestError(
                f"{path}: cannot be written: {error.strerror}.", param="output"
            ) from error
        print(path)
