"""Rows of the tables of jobs in, the values of the contract out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.contract.errors import ErrorDetail
from app.contract.jobs import Job
from app.jobs.schema import job_events, jobs
from app.jobs.types import Owner

EVENT_FIELDS = (
    "status", "started_at", "completed_at", "expires_at", "progress", "seconds_left", "duration",
    "error",
)  # fmt: skip
_INSTANTS = frozenset({"created_at", "started_at", "completed_at", "expires_at", "corrected_at"})


@dataclass(frozen=True, slots=True)
class Record:
    """A job as the database has it.

    Attributes:
        job: what its owner sees.
        owner: who sees it.
        options: that it was submitted with.
        protocol_options: of the protocol that it was submitted in.
        protocol: in whose form results are.
        url: where its recording is fetched from; None where it was sent.
        content_type: of a recording that was fetched.
        recording_digest: of its recording; None where it is not known.
        request_digest: of the submission, where it had an idempotency key.
        received: whether its recording is kept, or is to be fetched.
        expires_in: seconds after its end at which it is erased; None takes the operator's rule.
        fetched_at: when its result was first read, in seconds since 1970.
        correction: names the blob with its corrected transcript; None where there is none.
        audio_erased: whether its recording was erased by a rule.
        attempts: how often work began since some of it was last kept.
        trace_context: `traceparent` and `tracestate` of the request that made it; empty without.
    """

    job: Job
    owner: Owner
    options: Mapping[str, Any]
    protocol_options: Mapping[str, Any]
    protocol: str
    url: str | None
    content_type: str | None
    recording_digest: str | None
    request_digest: str | None
    received: bool
    expires_in: float | None
    fetched_at: float | None
    correction: str | None
    audio_erased: bool
    attempts: int
    trace_context: Mapping[str, str]


def change_job(
    connection: sa.Connection,
    job_id: str,
    where: Sequence[sa.ColumnElement[bool]],
    values: Mapping[str, Any],
    event: str,
) -> Job | None:
    """Changes a job and adds the event; None where the job is not in the state of `where`."""
    changed = connection.execute(sa.update(jobs).where(*where).values(**values))
    if not changed.rowcount:
        return None
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one()._mapping
    fields = {name: row[name] for name in EVENT_FIELDS}
    connection.execute(sa.insert(job_events).values(job_id=job_id, event=event, fields=fields))
    return job_of(row)


def record_of(row: Mapping[Any, Any]) -> Record:
    """Returns the record of a row of `jobs`."""
    return Record(
        job=job_of(row),
        owner=row["owner"],
        options=row["options"],
        protocol_options=row["protocol_options"],
        protocol=row["protocol"],
        url=row["url"],
        content_type=row["content_type"],
        recording_digest=row["recording_digest"],
        request_digest=row["request_digest"],
        received=row["phase"] != "receiving",
        expires_in=row["expires_in"],
        fetched_at=row["fetched_at"],
        correction=row["correction"],
        audio_erased=row["audio_erased_at"] is not None,
        attempts=row["attempts"],
        trace_context=row["trace_context"] or {},
    )


def job_of(row: Mapping[Any, Any]) -> Job:
    """Returns what its owner sees of a row of `jobs`."""
    return Job(**job_fields({name: row[name] for name in Job.model_fields}))


def job_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a `Job` from columns of its row."""
    fields = dict(row)
    for name in _INSTANTS & fields.keys():
        if fields[name] is not None:
            fields[name] = datetime.fromtimestamp(fields[name], UTC)
    if fields.get("error") is not None:
        fields["error"] = ErrorDetail(**fields["error"])
    return fields
