"""Works on one job: fetches and decodes its recording, encodes it, decodes its text, ends it.

What is kept in storage is not computed again, so that a call that is made again, after the process
was killed, continues where the one before had come to.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import structlog

from app import tracing
from app.audio.content_types import ContentType, decode_options
from app.contract.errors import ErrorDetail
from app.contract.jobs import Job
from app.contract.languages import detection_mode
from app.contract.options import AlignOptions, TranscribeOptions
from app.decoding import DecodingOptions
from app.errors import (
    InsufficientStorageError,
    JobDamagedError,
    NordlydError,
    OverloadedError,
    UnavailableError,
    UnknownModelError,
    UrlFetchError,
    UrlRefusedError,
)
from app.fetching import Fetcher
from app.itn import FormattingOptions
from app.jobs.integrity import recording_digest
from app.jobs.progress import Advance, ProgressWriter
from app.jobs.rows import Record
from app.jobs.spans import job_span
from app.jobs.storage import AUDIO, EMISSIONS, BlobStore, job_key, job_prefix
from app.jobs.types import JobResult, Owner
from app.jobs.work import KeptEmissions, load_result, open_recording, save_result
from app.jobs.work_records import ExecutorLostError, WorkRecords
from app.pipeline import Route, Service, TranscriptionRequest
from app.pipeline.options import (
    decoding_options,
    diarization_options,
    formatting_options,
    redaction_options,
)
from app.redaction import RedactionOptions
from app.speakers import KnownVoice

MAX_ATTEMPTS = 20
"""Attempts of which none kept anything, after which a job fails."""

_READY_SECONDS = 0.1
_FIRST_RETRY_SECONDS = 1.0
_LAST_RETRY_SECONDS = 60.0
# Errors that may pass by themselves, and how often work is begun again after them.
_RETRIES: tuple[tuple[type[NordlydError], int | None], ...] = (
    (InsufficientStorageError, 60 * 24),
    (UnavailableError, None),
    (OverloadedError, None),
    (UrlFetchError, 3),
)
_RETRIES_OF_UNKNOWN = 2

_log = structlog.get_logger("nordlyd.jobs")


class JobAttempts:
    """Attempts a job until it has ended.

    Args:
        service: transcribes.
        records: of the jobs, as this process may change them.
        blobs: has the recordings and what was computed.
        fetcher: fetches recordings from URLs; None where the operator allows no hosts.
        on_change: called with the id of a job once its record has changed.
        on_end: called with a job that was completed or has failed.
        voices: returns the known voices of an owner.
    """

    def __init__(
        self,
        service: Service,
        records: WorkRecords,
        blobs: BlobStore,
        fetcher: Fetcher | None,
        *,
        on_change: Callable[[str], None],
        on_end: Callable[[Job], None],
        voices: Callable[[Owner], Awaitable[tuple[KnownVoice, ...]]],
    ) -> None:
        self._service = service
        self._records = records
        self._blobs = blobs
        self._fetcher = fetcher
        self._on_change = on_change
        self._on_end = on_end
        self._voices = voices

    async def run(self, job_id: str) -> None:
        """Attempts a job again and again, until it has ended; returns at once where it has.

        Raises:
            ExecutorLostError: the process was taken for lost, and others continue the job.
        """
        failures = 0
        final: Exception | None = None
        while True:
            try:
                if final is not None:
                    await self._fail(job_id, final)
                await self._until_ready()
                record = await self._records.begin(job_id, first=failures == 0)
                if record is not None:
                    self._on_change(job_id)
                    await self._attempt(record)
                await self._delete_work(job_id)
            except ExecutorLostError:
                raise
            except Exception as error:
                failures += 1
                if final is None and not _may_pass(error, failures):
                    final = error
                    continue
                _log.warning("a job is interrupted", job=job_id, reason=_reason(error))
                await asyncio.sleep(_retry_seconds(failures))
            else:
                return

    async def _attempt(self, record: Record) -> None:
        job = record.job
        if record.attempts > MAX_ATTEMPTS:
            raise _GaveUpError(
                f"The service ended {MAX_ATTEMPTS} times while it worked on this recording."
            )
        with (
            job_span(record) as span,
            structlog.contextvars.bound_contextvars(**span.log_fields),
        ):
            result = await load_result(self._blobs, job.id, job.kind)
            if result is None:
                result = await self._compute(record)
                await self._records.check_registered()
                with tracing.span("write result"):
                    await save_result(self._blobs, job.id, result)
            await self._complete(job, result)

    async def _complete(self, job: Job, result: JobResult) -> None:
        ended = await self._records.finish(
            job.id,
            "completed",
            duration=result.duration,
            language=result.language,
            model=result.model,
        )
        if ended is not None:
            self._on_end(ended)
            _log.info("job completed", job=job.id, duration=result.duration)
        self._on_change(job.id)

    async def _delete_work(self, job_id: str) -> None:
        """Deletes what was computed of a job that has ended: all of it, where it was erased."""
        live = await self._records.is_live(job_id)
        prefix = job_key(job_id, EMISSIONS) + "/" if live else job_prefix(job_id)
        await self._blobs.delete_prefix(prefix)

    async def _compute(self, record: Record) -> JobResult:
        job = record.job
        task = asyncio.current_task()
        assert task is not None
        progress = ProgressWriter(partial(self._advance, job.id), task.cancel, reached=job.progress)
        kept = KeptEmissions(
            self._blobs, job.id, progress.begin, partial(self._records.note_kept, job.id)
        )
        try:
            if job.kind == "align":
                return await self._align(record, progress, kept)
            return await self._transcribe(record, progress, kept)
        finally:
            await progress.close()

    async def _transcribe(
        self, record: Record, progress: ProgressWriter, kept: KeptEmissions
    ) -> JobResult:
        options = TranscribeOptions.model_validate(dict(record.options))
        decoding, formatting = decoding_options(options), formatting_options(options)
        redaction = redaction_options(options)
        if detection_mode(options.language) is None:
            route = self._route(record, options.model, decoding, formatting, redaction)
        else:
            route = self._service.transcriber.route(
                options.model, options.language, decoding, formatting, redaction, detect=True
            )
        diarization = diarization_options(options)
        if diarization is not None and options.known_speakers:
            diarization = replace(diarization, known=await self._voices(record.owner))
        request = await self._request(record, options, route)
        return await self._service.transcriber.transcribe(
            replace(request, diarization=diarization),
            progress=progress.encoded,
            kept=kept,
        )

    async def _align(
        self, record: Record, progress: ProgressWriter, kept: KeptEmissions
    ) -> JobResult:
        options = AlignOptions.model_validate(dict(record.options))
        request = await self._request(record, options, self._route(record, options.model))
        return await self._service.transcriber.align(
            request, options.text or "", progress=progress.encoded, kept=kept
        )

    def _route(
        self,
        record: Record,
        requested: str | None,
        decoding: DecodingOptions | None = None,
        formatting: FormattingOptions | None = None,
        redaction: RedactionOptions | None = None,
    ) -> Route:
        """Returns the model of a job: the one it was routed to when it was submitted.

        Where that was unloaded since, and the client has not named it, another one that serves the
        language takes its place.

        Raises:
            UnknownModelError: there is none.
        """
        transcriber, job = self._service.transcriber, record.job
        try:
            return transcriber.route(job.model, job.language, decoding, formatting, redaction)
        except UnknownModelError:
            if requested is not None:
                raise
            return transcriber.route(None, job.language, decoding, formatting, redaction)

    async def _request(
        self, record: Record, options: TranscribeOptions | AlignOptions, route: Route
    ) -> TranscriptionRequest:
        """Returns the pipeline's request for the recording, which is fetched where need be."""
        job = record.job
        content_type = record.content_type
        source = await open_recording(self._blobs, job.id, record.recording_digest)
        if source is None and record.url is not None:
            content_type, digest = await self._fetch(job.id, record.url)
            source = await open_recording(self._blobs, job.id, digest)
        if source is None:
            raise JobDamagedError(
                "The recording of this job is damaged or gone in the storage of the service; "
                "submit it again, as a new job."
            )
        try:
            audio = decode_options(options, ContentType.parse(content_type), source)
        except BaseException:
            source.close()
            raise
        return TranscriptionRequest(
            source=source,
            request_id=job.id,
            route=route,
            audio=audio,
            caller=record.owner,
            wait_for_room=True,
            background=True,
        )

    async def _fetch(self, job_id: str, url: str) -> tuple[str | None, str]:
        """Fetches the recording of a job into storage; returns its content type and digest."""
        if self._fetcher is None:
            raise UrlRefusedError("This service fetches nothing from URLs any more.", param="url")
        with tracing.span("receive"):
            fetched = await self._fetcher.fetch(url)
            try:
                with fetched.bodies.open(0, fetched.bodies.size) as source:
                    digest = await asyncio.to_thread(recording_digest, source)
                    # Before the recording, whose presence means that all of it was fetched.
                    await self._records.fetched_from_url(
                        job_id, fetched.name, fetched.content_type, digest
                    )
                    await self._blobs.put(job_key(job_id, AUDIO), source)
            finally:
                fetched.bodies.close()
            return fetched.content_type, digest

    async def _advance(self, job_id: str, advance: Advance) -> bool:
        try:
            found = await self._records.advance(
                job_id,
                progress=advance.progress,
                seconds_left=advance.seconds_left,
                duration=advance.duration,
            )
        except ExecutorLostError:
            # The next step of the work ends it, if it was not stopped before.
            return True
        self._on_change(job_id)
        return found

    async def _fail(self, job_id: str, error: Exception) -> None:
        if isinstance(error, NordlydError):
            _log.info("job failed", job=job_id, code=error.code)
            detail = ErrorDetail(
                message=error.message, type=error.type, param=error.param, code=error.code
            )
        else:
            _log.error("job failed", job=job_id, exc_info=error)
            detail = ErrorDetail(
                message="Something went wrong inside the service; its log has the cause, under "
                "this job's id.",
                type=NordlydError.type,
                param=None,
                code=NordlydError.code,
            )
        ended = await self._records.finish(job_id, "failed", error=detail)
        if ended is not None:
            self._on_end(ended)
        self._on_change(job_id)

    async def _until_ready(self) -> None:
        while not self._service.readiness.ready:  # noqa: ASYNC110 - no event has it
            await asyncio.sleep(_READY_SECONDS)


class _GaveUpError(NordlydError):
    """A recording with which the process ended again and again."""

    code = "crashed"


def _may_pass(error: Exception, failures: int) -> bool:
    """Returns whether another attempt may succeed after so many failures."""
    if not isinstance(error, NordlydError):
        return failures <= _RETRIES_OF_UNKNOWN
    for kind, retries in _RETRIES:
        if isinstance(error, kind):
            return retries is None or failures <= retries
    return False


def _retry_seconds(failures: int) -> float:
    return min(_FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10), _LAST_RETRY_SECONDS)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, NordlydError) else type(error).__name__
