"""What the rest of the service relies on of `app.jobs`: values, and the interface `Jobs`."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol, TypeAlias

from pydantic import JsonValue

from app.contract.answers import Alignment, Transcript
from app.contract.jobs import Job, JobEvent, JobKind, JobPage, JobStatus, Metadata
from app.contract.webhooks import WebhookDelivery

Owner: TypeAlias = str
"""Whose job it is: the id of an API key; empty where the service needs no keys."""

JobResult: TypeAlias = Transcript | Alignment


@dataclass(frozen=True, slots=True)
class Submission:
    """A recording that is handed in.

    Attributes:
        owner: who may see the job.
        kind: what to do with the recording.
        options: of the request, by the names of `TranscribeOptions` or `AlignOptions`, validated
            and without defaults; of an alignment, `text` too.
        model: id of the model that was routed to.
        language: code of the language that was routed to.
        source: an open recording at its beginning, which is read and closed; or an allowed URL.
        name: of the recording as its sender gave it.
        metadata: to be repeated in every answer.
        webhook_url: where to post once the job has ended; it was checked.
        expires_in: seconds after its end at which it is erased; None takes the operator's rule.
        idempotency_key: of the request; a second submission of the owner with the same key and
            the same content returns the first one's job.
        protocol: `native`, `deepgram` or `assemblyai`: in whose form results and webhooks are.
        protocol_options: what answers and webhooks in that form need of the request; kept and
            erased like the options.
    """

    owner: Owner
    kind: JobKind
    options: Mapping[str, object]
    model: str
    language: str
    source: BinaryIO | str
    name: str = ""
    metadata: Metadata | None = None
    webhook_url: str | None = None
    expires_in: float | None = None
    idempotency_key: str | None = None
    protocol: str = "native"
    protocol_options: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """What is sent to the `webhook_url` of a job that has ended.

    Attributes:
        body: as it is sent.
        headers: besides those of HTTP itself.
        method: how it is sent.
        has_result: whether the result is in it, so that its delivery counts as fetching it.
    """

    body: bytes
    headers: Mapping[str, str]
    method: Literal["POST", "PUT"] = "POST"
    has_result: bool = False


class Uploads(Protocol):
    """Recordings that are uploaded before the request that uses them."""

    async def keep(self, owner: Owner, source: BinaryIO) -> str:
        """Keeps a recording for a day.

        Args:
            owner: who may hand it in.
            source: an open recording at its beginning, which is read and closed.

        Returns:
            Its id, which cannot be guessed.

        Raises:
            InsufficientStorageError: the disk is full.
            JobsUnavailableError: the storage cannot be reached.
        """

    async def open(self, owner: Owner, upload_id: str) -> BinaryIO:
        """Opens a recording that the owner sent, for the caller to close.

        Raises:
            InvalidRequestError: there is none, or not any more.
            JobsUnavailableError: the storage cannot be reached.
        """

    async def erase(self, owner: Owner, upload_id: str) -> None:
        """Erases a recording that was handed in."""


class Webhooks(Protocol):
    """The webhooks of jobs that have ended; errors are those of `Jobs`."""

    async def deliveries(self, owner: Owner, job_id: str) -> Sequence[WebhookDelivery]:
        """Returns the deliveries of a job: none before it has ended, or without a webhook."""

    async def repeat(self, owner: Owner, job_id: str) -> Sequence[WebhookDelivery]:
        """Sends the webhook of a job again, whether it was delivered, has failed or waits.

        Returns:
            The deliveries of the job, which are pending.

        Raises:
            InvalidRequestError: the job has no webhook.
            JobNotCompletedError: it has not ended yet (409).
        """


class Corrections(Protocol):
    """The corrected transcripts of jobs; errors are those of `Jobs`."""

    @property
    def kept_for_training(self) -> bool:
        """Whether the operator lets corrections be kept for training."""

    async def put(
        self,
        owner: Owner,
        job_id: str,
        read: Callable[[Transcript], Transcript],
        *,
        training: bool | None = None,
        versions: Collection[str] | None = None,
    ) -> Job:
        """Replaces the result of a completed transcription by a corrected one.

        Args:
            owner: whose job it is.
            job_id: the job.
            read: called on another thread with the transcript as it was recognised; returns the
                corrected one. What it raises is raised.
            training: whether the corrected transcript and the recording may be kept for training;
                None leaves what was agreed to before.
            versions: see `result_version`; of the result to be replaced. None replaces any.

        Returns:
            The job, with the time of the correction.

        Raises:
            InvalidRequestError: the job is an alignment.
            JobNotCompletedError: it has no result (409).
            CorrectionNotKeptError: `training` is refused, with the reason (409).
            ResultChangedError: the result has another version (412).
        """


def result_version(job: Job) -> str:
    """Returns the version of a job's result, which each correction changes."""
    return "recognised" if job.corrected_at is None else job.corrected_at.isoformat()


class Jobs(Protocol):
    """The jobs of the service. Every method that takes an owner sees that owner's jobs alone.

    A job that does not exist, was erased, or is another owner's is a `JobNotFoundError` (404).
    """

    @property
    def uploads(self) -> Uploads:
        """Recordings that are yet to be handed in."""

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks of jobs that have ended."""

    @property
    def corrections(self) -> Corrections:
        """The corrected transcripts of jobs."""

    async def submit(self, submission: Submission) -> tuple[Job, bool]:
        """Keeps a recording durably and queues the work on it.

        Returns:
            The job, and whether it is new: False repeats an earlier submission.

        Raises:
            IdempotencyConflictError: the key was used with another content (422).
            InsufficientStorageError: the disk is full (507).
            JobsUnavailableError: the database or the storage cannot be reached (503).
        """

    async def get(self, owner: Owner, job_id: str, *, wait: float = 0.0) -> Job:
        """Returns a job; waits up to `wait` seconds for it to end."""

    async def list(
        self,
        owner: Owner,
        *,
        status: JobStatus | None = None,
        limit: int = 20,
        after: str | None = None,
        protocol: str | None = None,
    ) -> JobPage:
        """Returns a page of the owner's jobs, the newest first.

        Raises:
            InvalidRequestError: `after` is no cursor.
        """

    async def options(self, owner: Owner, job_id: str) -> Mapping[str, object]:
        """Returns the options that a job was submitted with."""

    async def protocol_options(self, owner: Owner, job_id: str) -> Mapping[str, JsonValue]:
        """Returns the protocol's own options that a job was submitted with."""

    async def result(self, owner: Owner, job_id: str, *, fetching: bool = True) -> JobResult:
        """Returns the result of a completed job, corrected where it was.

        Args:
            owner: whose job it is.
            job_id: the job.
            fetching: whether it counts as fetched.

        Raises:
            JobNotCompletedError: it has no result yet, or ended without one (409).
            JobDamagedError: its result is damaged or gone in the storage (500).
        """

    def events(self, owner: Owner, job_id: str, *, after: int = 0) -> AsyncIterator[JobEvent]:
        """Yields the events of a job with ids above `after`, until the job has ended."""

    async def delete(self, owner: Owner, job_id: str) -> None:
        """Cancels a job that has not ended, and erases everything that is kept of it."""
