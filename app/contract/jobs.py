"""The options, records and events of /jobs: recordings handed in, to be fetched later."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from .errors import ErrorDetail
from .fields import Seconds
from .options import MAX_URL_CHARACTERS, AlignOptions, TranscribeOptions

MAX_METADATA_BYTES = 4096
MAX_IDEMPOTENCY_KEY_CHARACTERS = 255
MAX_PAGE = 100
PAGE = 20
MAX_WAIT_SECONDS = 60.0

JobStatus: TypeAlias = Literal["queued", "processing", "completed", "failed", "cancelled"]
JobKind: TypeAlias = Literal["transcribe", "align"]
ENDED: tuple[JobStatus, ...] = ("completed", "failed", "cancelled")
"""States that a job does not leave."""

Metadata: TypeAlias = dict[str, JsonValue]


class JobFields(BaseModel):
    """The fields of POST /jobs besides those of POST /transcribe or POST /align."""

    model_config = ConfigDict(extra="forbid")

    metadata: str | None = Field(
        None,
        max_length=MAX_METADATA_BYTES,
        description="A JSON object of at most 4 KiB, which every answer about the job repeats.",
        examples=['{"case": "2026/118"}'],
    )
    webhook_url: str | None = Field(
        None,
        max_length=MAX_URL_CHARACTERS,
        description="Where the service posts the id and the status once the job has ended. Only "
        "hosts that the operator allows.",
    )
    expires_in: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after its end at which the job is erased; within the operator's "
        "bounds, which are the default.",
    )


class TranscribeJobOptions(TranscribeOptions, JobFields):
    """The options of POST /jobs for a transcription, each in the query or in the form."""


class AlignJobOptions(AlignOptions, JobFields):
    """The options of POST /jobs for an alignment: those with a `text`."""

    url: str | None = Field(
        None, max_length=MAX_URL_CHARACTERS, description="Where the recording is."
    )


class Job(BaseModel):
    """A job: a recording that was handed in, and what became of it."""

    model_config = ConfigDict(title="JobBody", use_attribute_docstrings=True, frozen=True)

    id: str = Field(examples=["job_0193f2a57e4c7b2d9c1e5a0b3d4f6a78"])
    """Names the job in every other request."""
    status: JobStatus
    """queued or processing, until it is completed, failed or cancelled."""
    kind: JobKind = "transcribe"
    """Whether it transcribes or aligns."""
    name: str = ""
    """The recording's name as it was sent; may be empty."""
    created_at: datetime
    """When it was handed in."""
    started_at: datetime | None = None
    """When work on it began."""
    completed_at: datetime | None = None
    """When it ended, however it ended."""
    expires_at: datetime | None = None
    """When it will be erased; null where it is kept until it is deleted or fetched."""
    progress: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The part of the work that is done."""
    seconds_left: Seconds | None = None
    """How long it is expected to take from now on; null before that is known and after its end."""
    model: str
    """Id of the model; until a language was detected, of the model that would serve without it."""
    language: str
    """Code of the language; `auto` or `auto-each` until it was detected."""
    duration: Seconds | None = None
    """Length of the recording in seconds, once it is known."""
    corrected_at: datetime | None = None
    """When its transcript was last corrected; null where it was not."""
    training: bool = False
    """Whether its corrected transcript and its recording are kept for training."""
    metadata: Metadata | None = None
    """As it was sent."""
    webhook_url: str | None = None
    """As it was sent."""
    error: ErrorDetail | None = None
    """Only of a job that failed."""


class JobPage(BaseModel):
    """Jobs of the caller, the newest first."""

    model_config = ConfigDict(title="JobPageBody", use_attribute_docstrings=True, frozen=True)

    jobs: tuple[Job, ...]
    """The jobs of this page; of POST /jobs, those that were made, in the order of the files."""
    next: str | None = None
    """What `after` is for the next page; null on the last one."""


class JobEvent(BaseModel):
    """One event of GET /jobs/{id}/events: the job as it was at that moment."""

    model_config = ConfigDict(title="JobEventBody", use_attribute_docstrings=True, frozen=True)

    id: int
    """Grows from event to event; what `Last-Event-ID` repeats."""
    event: Literal["status", "progress"]
    """What has changed."""
    job: Job
    """The whole job."""
