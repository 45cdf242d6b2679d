"""`nordlyd transcribe`: files in, their texts on stdout out, through the same pipeline as HTTP."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.api.parameters import TranscribeParameters, parse
from app.api.schemas import TranscriptionBody
from app.catalogue import Catalogue, PullPlan, Router
from app.decoding import DecodingRequest
from app.errors import InvalidRequestError, NordlydError
from app.main import build_service
from app.pipeline import Transcriber, TranscriptionRequest
from app.readable import ReadableOptions
from app.settings import Settings
from app.telemetry import Telemetry
from app.transcript import Transcript


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is the same for every file."""

    language: str | None
    decoding: DecodingRequest
    readable: ReadableOptions | None


def transcribe_files(
    settings: Settings,
    files: Sequence[Path],
    *,
    language: str | None = None,
    model: str | None = None,
    as_json: bool = False,
    options: Mapping[str, str] | None = None,
    report: Callable[[PullPlan], None] | None = None,
) -> bool:
    """Transcribe files one after the other, with only the model they need in memory.

    Args:
        settings: everything that can be set.
        files: audio or video files.
        language: chooses among the models of the settings.
        model: any model the catalogue can resolve.
        as_json: print the body POST /transcribe answers with, a line a file.
        options: fields of POST /transcribe that say how text is decoded and written.
        report: told what is about to be fetched from the hub, if anything is.

    Returns:
        Whether every file was transcribed.

    Raises:
        NordlydError: nothing can be transcribed, whatever the files are.
    """
    asked = parse(TranscribeParameters, options or {})
    if asked.n_best > 1 and not as_json:
        raise InvalidRequestError(
            f"n_best is {asked.n_best}: only --format json lists the readings.", param="n_best"
        )
    wanted = _Wanted(language, asked.decoding(), asked.readable())
    reference = choose_model(settings, model, language)
    settings = settings.model_copy(update={"models": [reference], "default_language": None})
    return asyncio.run(_run(settings, files, wanted, as_json, report))


async def _run(
    settings: Settings,
    files: Sequence[Path],
    wanted: _Wanted,
    as_json: bool,
    report: Callable[[PullPlan], None] | None,
) -> bool:
    service = build_service(settings, Telemetry(), report=report)
    failed = 0
    try:
        await service.load()
        # What is wrong for every file is told once.
        service.transcriber.route(None, wanted.language, wanted.decoding, wanted.readable)
        for file in files:
            try:
                transcript = await _transcribe(service.transcriber, file, wanted)
            except NordlydError as error:
                failed += 1
                print(f"nordlyd: {file}: {error.message}", file=sys.stderr, flush=True)
                continue
            print(_render(file, transcript, as_json=as_json, named=len(files) > 1), flush=True)
    finally:
        await service.stop()
    return not failed


async def _transcribe(transcriber: Transcriber, file: Path, wanted: _Wanted) -> Transcript:
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(file.name, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return await transcriber.transcribe(
            TranscriptionRequest(
                source=file,
                request_id=str(file),
                language=wanted.language,
                decoding=wanted.decoding,
                readable=wanted.readable,
            ),
            progress=progress,
        )


def choose_model(settings: Settings, model: str | None, language: str | None) -> str:
    """The one reference to load: the model named, or the one the language leads to."""
    if model is not None:
        return model
    catalogue = Catalogue.load(settings.catalogue)
    resolved = {catalogue.resolve(reference).id: reference for reference in settings.models}
    cards = [catalogue.resolve(reference).card for reference in settings.models]
    router = Router(settings.routes, cards, settings.default_language)
    return resolved[router.route(None, language).id]


def _render(file: Path, transcript: Transcript, *, as_json: bool, named: bool) -> str:
    if not as_json:
        text = transcript.formatted.text if transcript.formatted else transcript.text
        return f"{file}: {text}" if named else text
    body = TranscriptionBody.of(transcript, words=True, request_id=str(file))
    return body.to_json()
