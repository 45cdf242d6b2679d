"""`nordlyd align`: a recording and its text in, the times of the words on stdout out."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from app.catalogue import PullPlan
from app.cli.transcribe import choose_model
from app.errors import InvalidRequestError
from app.formats import as_transcript, render
from app.main import build_service
from app.pipeline import TranscriptionRequest
from app.settings import Settings
from app.telemetry import Telemetry
from app.transcript import AlignedTranscript

_STDIN = Path("-")


def align_file(
    settings: Settings,
    audio: Path,
    text: Path,
    *,
    style: str,
    language: str | None = None,
    model: str | None = None,
    report: Callable[[PullPlan], None] | None = None,
) -> None:
    """Align a text to a recording and print the result.

    Args:
        settings: everything that can be set.
        audio: audio or video file.
        text: UTF-8 file, or `-` for stdin.
        style: json, textgrid, eaf, srt or ctm.
        language: chooses among the models of the settings, and how numbers are said.
        model: any model the catalogue can resolve.
        report: told what is about to be fetched from the hub, if anything is.

    Raises:
        NordlydError: the text cannot be read, or the recording not be aligned.
    """
    said = _read(text)
    reference = choose_model(settings, model, language)
    settings = settings.model_copy(update={"models": [reference], "default_language": None})
    aligned = asyncio.run(_run(settings, audio, said, language, report))
    print(_render(aligned, audio, style), end="", flush=True)
    lost = sum(not word.found for word in aligned.words)
    if lost:
        print(f"nordlyd: {lost} of {len(aligned.words)} words were not found", file=sys.stderr)


async def _run(
    settings: Settings,
    audio: Path,
    text: str,
    language: str | None,
    report: Callable[[PullPlan], None] | None,
) -> AlignedTranscript:
    service = build_service(settings, Telemetry(), report=report)
    try:
        await service.load()
        request = TranscriptionRequest(source=audio, request_id=str(audio), language=language)
        return await service.transcriber.align(request, text)
    finally:
        await service.stop()


def _read(text: Path) -> str:
    try:
        return sys.stdin.read() if text == _STDIN else text.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(
            f"{text}: cannot be read as UTF-8 text: {error}", param="text"
        ) from error


def _render(aligned: AlignedTranscript, audio: Path, style: str) -> str:
    if style == "json":
        from app.api.align import AlignmentBody  # noqa: PLC0415

        body = AlignmentBody.of(aligned, characters=True, request_id=str(audio))
        return f"{body.to_json()}\n"
    return render(as_transcript(aligned), style, recording=audio.name).body
