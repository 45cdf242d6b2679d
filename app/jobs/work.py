"""What is kept of a job in blobs: its recording, its emissions, its result and its correction.

What was damaged on the disk counts as not kept.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import BinaryIO

import numpy as np
import structlog

from app.contract.answers import ALIGNMENT_ADAPTER, TRANSCRIPT_ADAPTER, Transcript
from app.contract.jobs import JobKind
from app.errors import BlobNotFoundError
from app.jobs.integrity import recording_digest, seal, unseal
from app.jobs.storage import AUDIO, CORRECTIONS, EMISSIONS, RESULT, BlobStore, job_key
from app.jobs.types import JobResult
from app.pipeline import HalfPrecision

_log = structlog.get_logger("nordlyd.jobs")


class KeptEmissions:
    """The emissions of one job; an `EmissionStore` of the pipeline.

    Args:
        blobs: has them.
        job_id: whose they are.
        on_begin: called with the length of the recording in seconds.
        on_save: awaited once the emissions of a group are kept.
    """

    def __init__(
        self,
        blobs: BlobStore,
        job_id: str,
        on_begin: Callable[[float], None],
        on_save: Callable[[], Awaitable[None]],
    ) -> None:
        self._blobs = blobs
        self._job_id = job_id
        self._on_begin = on_begin
        self._on_save = on_save

    def begin(self, duration: float) -> None:
        """See `EmissionStore`."""
        self._on_begin(duration)

    async def load(self, name: str) -> HalfPrecision | None:
        """See `EmissionStore`."""
        data = await _load(self._blobs, self._job_id, EMISSIONS, name)
        if data is None:
            return None
        emissions: HalfPrecision = np.load(io.BytesIO(data), allow_pickle=False)
        return emissions

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        """See `EmissionStore`."""
        file = io.BytesIO()
        np.save(file, emissions, allow_pickle=False)
        key = job_key(self._job_id, EMISSIONS, name)
        await self._blobs.put(key, await asyncio.to_thread(seal, file.getvalue()))
        await self._on_save()


async def save_result(blobs: BlobStore, job_id: str, result: JobResult) -> None:
    """Keeps the result of a job."""
    data = await asyncio.to_thread(lambda: seal(result.to_json().encode()))
    await blobs.put(job_key(job_id, RESULT), data)


async def save_correction(
    blobs: BlobStore, job_id: str, correction: str, transcript: Transcript
) -> None:
    """Keeps a corrected transcript of a job under a name of its own."""
    data = await asyncio.to_thread(lambda: seal(transcript.to_json().encode()))
    await blobs.put(job_key(job_id, CORRECTIONS, correction), data)


async def delete_correction(blobs: BlobStore, job_id: str, correction: str) -> None:
    """Deletes a corrected transcript of a job; there may be none."""
    await blobs.delete(job_key(job_id, CORRECTIONS, correction))


async def load_result(
    blobs: BlobStore, job_id: str, kind: JobKind, correction: str | None = None
) -> JobResult | None:
    """Returns the result of a job; None where none is kept.

    Args:
        blobs: have it.
        job_id: whose it is.
        kind: of the job.
        correction: names the corrected transcript that takes its place; None for none.
    """
    names = (RESULT,) if correction is None else (CORRECTIONS, correction)
    data = await _load(blobs, job_id, *names)
    if data is None:
        return None
    if kind == "align":
        return await asyncio.to_thread(ALIGNMENT_ADAPTER.validate_json, data)
    return await asyncio.to_thread(TRANSCRIPT_ADAPTER.validate_json, data)


async def open_recording(blobs: BlobStore, job_id: str, digest: str | None) -> BinaryIO | None:
    """Opens the recording of a job; None where none is kept.

    Args:
        blobs: have it.
        job_id: whose it is.
        digest: of the recording as it was handed in; None where it is not known.
    """
    try:
        source = await blobs.open(job_key(job_id, AUDIO))
    except BlobNotFoundError:
        return None
    try:
        if digest is None or await asyncio.to_thread(recording_digest, source) == digest:
            return source
    except BaseException:
        source.close()
        raise
    source.close()
    _log.error("a file of a job is damaged", job=job_id, file=AUDIO)
    return None


async def _load(blobs: BlobStore, job_id: str, *names: str) -> bytes | None:
    """Returns what was sealed under a key; None where none is kept."""
    try:
        sealed = await blobs.get(job_key(job_id, *names))
    except BlobNotFoundError:
        return None
    data = await asyncio.to_thread(unseal, sealed)
    if data is None:
        _log.error("a file of a job is damaged", job=job_id, file="/".join(names))
    return data
