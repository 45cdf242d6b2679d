"""Keeps the audio, the emissions and the results of jobs."""

from app.jobs.storage.local import LocalBlobStore
from app.jobs.storage.opening import open_storage
from app.jobs.storage.types import (
    AUDIO,
    CORRECTIONS,
    EMISSIONS,
    RESULT,
    BlobStore,
    job_key,
    job_prefix,
)

__all__ = [
    "AUDIO",
    "CORRECTIONS",
    "EMISSIONS",
    "RESULT",
    "BlobStore",
    "LocalBlobStore",
    "job_key",
    "job_prefix",
    "open_storage",
]
