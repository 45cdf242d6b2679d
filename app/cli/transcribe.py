"""`nordlyd transcribe`: files in, their texts on stdout out, through the same pipeline as HTTP."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.catalogue import Catalogue, PullPlan, Router
from app.errors import NordlydError
from app.main import build_service
from app.pipeline import Transcriber, TranscriptionRequest
from app.settings import Settings
from app.telemetry import Telemetry
from app.transcript import Transcript


def transcribe_files(
    settings: Settings,
    files: Sequence[Path],
    *,
    language: str | None = None,
    model: str | None = None,
    as_json: bool = False,
    report: Callable[[PullPlan], None] | None = None,
) -> bool:
    """Transcribe files one after the other, with only the model they need in memory.

    Args:
        settings: everything that can be set.
        files: audio or video files.
        language: chooses among the models of the settings.
        model: any model the catalogue can resolve.
        as_json: print the body POST /transcribe answers with, a line a file.
        report: told what is about to be fetched from the hub, if anything is.

    Returns:
        Whether every file was transcribed.

    Raises:
        NordlydError: nothing can be transcribed, whatever the files are.
    """
    reference = choose_model(settings, model, language)
    settings = settings.model_copy(update={"models": [reference], "default_language": None})
    return asyncio.run(_run(settings, files, language, as_json, report))


async def _run(
    settings: Settings,
    files: Sequence[Path],
    language: str | None,
    as_json: bool,
    report: Callable[[PullPlan], None] | None,
) -> bool:
    service = build_service(settings, Telemetry(), report=report)
    failed = 0
    try:
        await service.load()
        # A wrong language is wrong for every file.
        service.transcriber.route(None, language)
        for file in files:
            try:
                transcript = await _transcribe(service.transcriber, file, language)
            except NordlydError as error:
                failed += 1
                print(f"nordlyd: {file}: {error.message}", file=sys.stderr, flush=True)
                continue
            print(_render(file, transcript, as_json=as_json, named=len(files) > 1), flush=True)
    finally:
        await service.stop()
    return not failed


async def _transcribe(transcriber: Transcriber, file: Path, language: str | None) -> Transcript:
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
            TranscriptionRequest(source=file, request_id=str(file), language=language),
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
        return f"{file}: {transcript.text}" if named else transcript.text
    from app.api.schemas import TranscriptionBody  # noqa: PLC0415

    body = TranscriptionBody.of(transcript, words=True, request_id=str(file))
    return body.to_json()
