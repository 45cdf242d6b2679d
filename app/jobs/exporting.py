"""Lists the corrections that may be used for training, and copies them into a data folder."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from app.audio import AudioLimits
from app.audio.content_types import ContentType, decode_options
from app.audio.workers import shared_pool
from app.audit import AuditLog
from app.contract.answers import Transcript
from app.contract.options import TranscribeOptions
from app.corrections import DataFolder, FolderSummary, TrainingLine, training_lines
from app.database import Database
from app.errors import AudioError, ConfigurationError, TooLargeError
from app.jobs.retention import RetentionPolicy
from app.jobs.rows import Record
from app.jobs.storage import BlobStore
from app.jobs.work import load_result, open_recording


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and which jobs were left out for what reason."""

    summary: FolderSummary
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Lines by confidence, each with its job, and which jobs were left out for what reason."""

    lines: tuple[tuple[str, TrainingLine], ...]
    left_out: tuple[tuple[str, str], ...]


class _LeftOutError(Exception):
    """A correction cannot be read."""


async def list_corrections(database: Database, blobs: BlobStore) -> Listed:
    """Returns the lines that may be used for training, those the model was least sure of first.

    Args:
        database: has the records; it may be in use by the service.
        blobs: have the transcripts.

    Raises:
        JobsUnavailableError: the database or the storage cannot be reached.
    """
    found, left_out = [], []
    for record in await _records(database):
        try:
            lines = await _lines(blobs, record)
        except _LeftOutError as error:
            left_out.append((record.job.id, str(error)))
        else:
            found += [(record.job.id, line) for line in lines]
    found.sort(key=lambda pair: pair[1].confidence)
    return Listed(tuple(found), tuple(left_out))


async def export_corrections(
    database: Database, blobs: BlobStore, audit: AuditLog, limits: AudioLimits, output: Path
) -> Exported:
    """Writes a data folder of every correction that may be used for training.

    Args:
        database: has the records; it may be in use by the service.
        blobs: have recordings and transcripts.
        audit: gets a line for each job that is exported.
        limits: of recordings.
        output: the data folder; see `DataFolder`.

    Raises:
        ConfigurationError: the folder cannot be written.
        JobsUnavailableError: the database or the storage cannot be reached.
    """
    records = await _records(database)
    left_out = []
    try:
        folder = DataFolder(output)
        for record in records:
            try:
                await _add(folder, blobs, limits, record)
            except _LeftOutError as error:
                left_out.append((record.job.id, str(error)))
            else:
                await audit.record("exported", record.job.id, record.owner)
        summary = await asyncio.to_thread(folder.finish)
    except OSError as error:
        raise ConfigurationError(
            f"{output} cannot be written: {error.strerror or error}", param="output"
        ) from error
    return Exported(summary, tuple(left_out))


async def _records(database: Database) -> list[Record]:
    if not database.exists:
        return []
    from app.jobs.correction_records import CorrectionRecords  # noqa: PLC0415

    found = await CorrectionRecords(database, RetentionPolicy(), float).for_training()
    return list(found)


async def _lines(blobs: BlobStore, record: Record) -> list[TrainingLine]:
    """Returns the lines of one job, one or more.

    Raises:
        _LeftOutError: a transcript of it is damaged or gone, or nothing is said in it.
    """
    job = record.job
    original = await load_result(blobs, job.id, job.kind)
    corrected = await load_result(blobs, job.id, job.kind, record.correction)
    if not isinstance(original, Transcript) or not isinstance(corrected, Transcript):
        raise _LeftOutError("its transcript is damaged, or was erased just now")
    lines = training_lines(corrected, original)
    if not lines:
        raise _LeftOutError("nothing is said in it")
    return lines


async def _add(folder: DataFolder, blobs: BlobStore, limits: AudioLimits, record: Record) -> None:
    """Adds one job.

    Raises:
        _LeftOutError: something of it is damaged or gone, or nothing is said in it.
    """
    job = record.job
    lines = await _lines(blobs, record)
    source = await open_recording(blobs, job.id, record.recording_digest)
    if source is None:
        raise _LeftOutError("its recording is damaged, or was erased")
    options = TranscribeOptions.model_validate(dict(record.options))
    with source:
        decoding = decode_options(options, ContentType.parse(record.content_type), source)
        try:
            decoded = await asyncio.wrap_future(
                shared_pool().submit(source, options=decoding, limits=limits, wait_for_room=True)
            )
        except (AudioError, TooLargeError) as error:
            raise _LeftOutError(error.message) from None
    samples = await asyncio.to_thread(decoded.slice, 0, decoded.samples)
    digest = record.recording_digest or job.id
    await asyncio.to_thread(folder.add, job.id, digest, samples, lines)
