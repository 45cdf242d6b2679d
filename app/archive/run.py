"""One run of an archive: lists the recordings, transcribes what is left, writes the results."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.archive.inputs import find_recordings
from app.archive.job import ArchiveJob
from app.archive.keeping import Texts
from app.archive.local import transcribe_here
from app.archive.manifest import Manifest
from app.archive.parquet import write_parquet
from app.archive.plan import ArchivePlan, ArchiveSummary, EngineName
from app.archive.progress import Progress
from app.archive.request import request_digest, source_of_model
from app.catalogue import PullPlan
from app.contract.options import TranscribeOptions
from app.errors import InvalidRequestError
from app.model_loading import settings_for_one
from app.pipeline.options import parse_options
from app.settings import Settings


def run_archive(
    settings: Settings,
    plan: ArchivePlan,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_pull: Callable[[PullPlan], None] | None = None,
) -> ArchiveSummary:
    """Transcribes an archive; what an earlier run of it has done is not done again.

    Args:
        settings: of the service.
        plan: what to transcribe, and where to.
        on_progress: called after each recording.
        on_pull: called with what is about to be fetched from the hub, if anything is.

    Raises:
        InvalidRequestError: an option is wrong, the source is not there, or the folder of the
            results cannot be used or is full.
        NordlydError: no recording can be transcribed.
        KeyboardInterrupt: the run was interrupted; what is done is kept.
    """
    fields = dict(plan.options)
    model, language = fields.pop("model", None), fields.get("language")
    options = parse_options(TranscribeOptions, fields)
    one = _with_media_workers(settings_for_one(settings, model, language))
    source = source_of_model(one)
    request = request_digest(one, source, fields)
    texts = Texts(plan.output, plan.formats, plan.word_cues, plan.layout, request)
    with _reported(plan.output), Manifest(plan.output, request) as manifest:
        manifest.list_recordings(find_recordings(plan.source, leave_out=plan.output))
        recordings = manifest.count()
        left, size = manifest.count_pending(texts.name)
        progress = Progress(left, size, on_progress)
        if left:
            job = ArchiveJob(one, options, manifest, texts, progress, on_pull)
            _transcribe(plan.engine, job)
        seconds = progress.seconds
        failed = write_parquet(plan.output, manifest.rows(), source.card.id)
    return ArchiveSummary(
        recordings=recordings,
        failed=failed,
        transcribed=progress.transcribed,
        audio_seconds=progress.audio_seconds,
        seconds=seconds,
    )


def _transcribe(engine: EngineName, job: ArchiveJob) -> None:
    if engine == "ray":
        from app.archive.ray_engine import transcribe_on_ray  # noqa: PLC0415 - an optional extra

        transcribe_on_ray(job)
    else:
        asyncio.run(transcribe_here(job))


def _with_media_workers(settings: Settings) -> Settings:
    """Returns the settings with a media worker for each processor, unless they name a number."""
    if "media_workers" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"media_workers": os.cpu_count() or 1})


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """Makes the folder of the results; raises what writes there raise as one error for a person."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, sqlite3.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        name = getattr(error, "filename", None) or folder
        raise InvalidRequestError(
            f"{name}: cannot be written: {reason}.", param="output"
        ) from error
