"""What was computed of a job in blobs: the emissions of its groups, and its result."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import numpy as np

from app.contract.answers import ALIGNMENT_ADAPTER, TRANSCRIPT_ADAPTER
from app.contract.jobs import JobKind
from app.errors import BlobNotFoundError
from app.jobs.storage import EMISSIONS, RESULT, BlobStore, job_key
from app.jobs.types import JobResult
from app.pipeline import HalfPrecision


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
        try:
            data = await self._blobs.get(job_key(self._job_id, EMISSIONS, name))
        except BlobNotFoundError:
            return None
        emissions: HalfPrecision = np.load(io.BytesIO(data), allow_pickle=False)
        return emissions

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        """See `EmissionStore`."""
        file = io.BytesIO()
        np.save(file, emissions, allow_pickle=False)
        key = job_key(self._job_id, EMISSIONS, name)
        await self._blobs.put(key, file.getvalue())
        await self._on_save()


async def save_result(blobs: BlobStore, job_id: str, result: JobResult) -> None:
    """Keeps the result of a job."""
    data = await asyncio.to_thread(lambda: result.to_json().encode())
    await blobs.put(job_key(job_id, RESULT), data)


async def load_result(blobs: BlobStore, job_id: str, kind: JobKind) -> JobResult | None:
    """Returns the result of a job; None where none is kept."""
    try:
        data = await blobs.get(job_key(job_id, RESULT))
    except BlobNotFoundError:
        return None
    if kind == "align":
        return await asyncio.to_thread(ALIGNMENT_ADAPTER.validate_json, data)
    return await asyncio.to_thread(TRANSCRIPT_ADAPTER.validate_json, data)
