"""Repeats the job of an earlier request with the same Idempotency-Key."""

import hashlib
import json
from typing import TYPE_CHECKING, BinaryIO

from app.contract.jobs import Job
from app.errors import IdempotencyConflictError, JobsUnavailableError
from app.jobs.types import Submission

# It needs SQLAlchemy, which a service without jobs does not import.
if TYPE_CHECKING:
    from app.jobs.rows import Record

_HASH_BYTES = 2**20


def repeated_job(known: "Record", digest: str | None) -> Job:
    """Returns the job of an earlier request with the same key.

    Raises:
        IdempotencyConflictError: that was another request.
        JobsUnavailableError: its recording is still being received.
    """
    if known.request_digest != digest:
        raise IdempotencyConflictError(
            "The Idempotency-Key was used before with another recording or other options.",
            param="Idempotency-Key",
        )
    if not known.received:
        raise JobsUnavailableError(
            "The recording of an earlier request with this Idempotency-Key is still being "
            "received.",
            retry_after=1.0,
        )
    return known.job


def digest_of(submission: Submission) -> str:
    """Returns a digest of the content of a submission; its recording is at its beginning again."""
    source = submission.source
    request = {
        "kind": submission.kind,
        "options": dict(submission.options),
        "protocol_options": dict(submission.protocol_options),
        "metadata": submission.metadata,
        "webhook_url": submission.webhook_url,
        "expires_in": submission.expires_in,
        "url": source if isinstance(source, str) else None,
    }
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode())
    if not isinstance(source, str):
        _hash(source, digest)
    return digest.hexdigest()


def _hash(source: BinaryIO, digest: "hashlib._Hash") -> None:
    while block := source.read(_HASH_BYTES):
        digest.update(block)
    source.seek(0)
