"""The jobs of a server: recordings handed in, and their results fetched whenever they are there."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar, Unpack, overload

import httpx

from nordlyd_client.calls import Call, TextFormat, translated
from nordlyd_client.contract.formats import BinaryFileFormat
from nordlyd_client.contract.jobs import ENDED, Job, JobEvent, JobPage, JobStatus
from nordlyd_client.contract.webhooks import WebhookDeliveries
from nordlyd_client.errors import ClientError
from nordlyd_client.job_calls import (
    WAIT_SECONDS,
    Corrected,
    EventReader,
    async_lines_of,
    correct_call,
    cut_off,
    delete_call,
    events_path,
    file_result_call,
    job_call,
    lines_of,
    list_call,
    not_ended,
    result_call,
    submit_call,
    webhooks_call,
)
from nordlyd_client.options import JobOptions, LayoutOptions
from nordlyd_client.session import Session
from nordlyd_client.uploads import Audio
from nordlyd_client.values import Alignment, Transcription

_T = TypeVar("_T")


class Jobs:
    """The jobs of the API key of a `Client`, as its attribute `jobs`.

    Args:
        session: the server and the retries.
        http: sends the requests.
        run: makes a call, with retries.
    """

    def __init__(
        self, session: Session, http: httpx.Client, run: Callable[[Call[Any]], Any]
    ) -> None:
        self._session = session
        self._http = http
        self._run = run

    def submit(
        self,
        audio: Audio | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Hands in a recording, which is transcribed whatever happens to the connection.

        Args:
            audio: as of `Client.transcribe`.
            idempotency_key: a second submission with the same key returns the first one's job;
                by default one at random, so that retries of this call make one job.
            options: the parameters of POST /jobs; with `text`, the recording is aligned.

        Raises:
            ClientError: the server refuses, fails or cannot be reached.
            OSError: the recording cannot be read.
        """
        return self._call(submit_call(audio, options, idempotency_key))

    def get(self, job_id: str, *, wait: float = 0.0) -> Job:
        """Returns a job; waits up to `wait` seconds, at most a minute, for its end.

        Raises:
            ClientError: there is no such job, or the server cannot be reached.
        """
        return self._call(job_call(job_id, wait))

    def list(
        self,
        *,
        status: JobStatus | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> JobPage:
        """Returns a page of jobs, the newest first; its `next` is `after` of the next page."""
        return self._call(list_call(status, limit, after))

    def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Returns a job once it has ended, however it ended.

        Raises:
            TimedOutError: it has not ended after `timeout` seconds.
            ClientError: as `get`.
        """
        started = time.monotonic()
        while True:
            job = self.get(job_id, wait=_next_wait(started, timeout))
            if job.status in ENDED:
                return job
            if timeout is not None and time.monotonic() - started >= timeout:
                raise not_ended(job, timeout)

    @overload
    def result(self, job_id: str, *, response_format: None = None) -> Transcription | Alignment: ...

    @overload
    def result(
        self, job_id: str, *, response_format: TextFormat, **options: Unpack[LayoutOptions]
    ) -> str: ...

    @overload
    def result(
        self, job_id: str, *, response_format: BinaryFileFormat, **options: Unpack[LayoutOptions]
    ) -> bytes: ...

    def result(
        self,
        job_id: str,
        *,
        response_format: TextFormat | BinaryFileFormat | None = None,
        **options: Unpack[LayoutOptions],
    ) -> Transcription | Alignment | str | bytes:
        """Returns the result of a completed job, or the text of a format, or its bytes.

        Args:
            job_id: the job.
            response_format: of a file; None for the result itself.
            options: what a text format shows.

        Raises:
            ClientError: it is not completed, or failed, with the error that made it fail.
        """
        if response_format is None:
            return self._call(result_call(job_id))
        return self._call(file_result_call(job_id, response_format, options))

    def correct(self, job_id: str, transcript: Corrected, *, training: bool | None = None) -> Job:
        """Replaces the result of a completed transcription by a corrected one.

        Args:
            job_id: the job.
            transcript: a `Transcription`, the text, or the path of a .json, .txt, .srt or .vtt.
            training: whether it may be kept with the recording to train models, where the
                operator allows that; None leaves what was agreed to before.

        Raises:
            ClientError: as `result`; or the correction cannot be read, or kept for training.
            OSError: the file cannot be read.
        """
        return self._call(correct_call(job_id, transcript, training))

    def events(self, job_id: str) -> Generator[JobEvent, None, None]:
        """Yields the events of a job until it has ended; a broken connection is resumed.

        Raises:
            ClientError: there is no such job, or the server cannot be reached any more.
        """
        reader = EventReader()
        failures = 0
        while True:
            try:
                with (
                    translated(self._session.server),
                    self._http.stream("GET", events_path(job_id), headers=reader.headers) as answer,
                ):
                    if not answer.is_success:
                        answer.read()
                    for line in lines_of(answer):
                        event = reader.read(line)
                        if event is not None:
                            failures = 0
                            yield event
                    if reader.is_over(answer):
                        return
                raise cut_off(self._session.server)
            except ClientError as error:
                failures += 1
                pause = self._session.retries.wait(failures, error)
                if pause is None:
                    raise
            reader.drop_unfinished()
            time.sleep(pause)

    def delete(self, job_id: str) -> None:
        """Cancels a job that has not ended, and erases everything that is kept of it.

        Raises:
            ClientError: as `get`.
        """
        self._call(delete_call(job_id))

    def webhooks(self, job_id: str, *, repeat: bool = False) -> WebhookDeliveries:
        """Returns how the delivery of a job's webhook went.

        Args:
            job_id: the job.
            repeat: send it again first, with its `webhook-id` of before.

        Raises:
            ClientError: as `get`; or the job to repeat it of has no webhook, or has not ended.
        """
        return self._call(webhooks_call(job_id, repeat=repeat))

    def _call(self, call: Call[_T]) -> _T:
        answer: _T = self._run(call)
        return answer


class AsyncJobs:
    """The jobs of the API key of an `AsyncClient`; methods and arguments are those of `Jobs`."""

    def __init__(
        self,
        session: Session,
        http: httpx.AsyncClient,
        run: Callable[[Call[Any]], Coroutine[Any, Any, Any]],
    ) -> None:
        self._session = session
        self._http = http
        self._run = run

    async def submit(
        self,
        audio: Audio | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Hands in a recording; as `Jobs.submit`."""
        return await self._call(submit_call(audio, options, idempotency_key))

    async def get(self, job_id: str, *, wait: float = 0.0) -> Job:
        """Returns a job; as `Jobs.get`."""
        return await self._call(job_call(job_id, wait))

    async def list(
        self,
        *,
        status: JobStatus | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> JobPage:
        """Returns a page of jobs; as `Jobs.list`."""
        return await self._call(list_call(status, limit, after))

    async def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the same keyword as of `Jobs`
    ) -> Job:
        """Returns a job once it has ended; as `Jobs.wait`."""
        started = time.monotonic()
        while True:
            job = await self.get(job_id, wait=_next_wait(started, timeout))
            if job.status in ENDED:
                return job
            if timeout is not None and time.monotonic() - started >= timeout:
                raise not_ended(job, timeout)

    @overload
    async def result(
        self, job_id: str, *, response_format: None = None
    ) -> Transcription | Alignment: ...

    @overload
    async def result(
        self, job_id: str, *, response_format: TextFormat, **options: Unpack[LayoutOptions]
    ) -> str: ...

    @overload
    async def result(
        self, job_id: str, *, response_format: BinaryFileFormat, **options: Unpack[LayoutOptions]
    ) -> bytes: ...

    async def result(
        self,
        job_id: str,
        *,
        response_format: TextFormat | BinaryFileFormat | None = None,
        **options: Unpack[LayoutOptions],
    ) -> Transcription | Alignment | str | bytes:
        """Returns the result of a completed job; as `Jobs.result`."""
        if response_format is None:
            return await self._call(result_call(job_id))
        return await self._call(file_result_call(job_id, response_format, options))

    async def correct(
        self, job_id: str, transcript: Corrected, *, training: bool | None = None
    ) -> Job:
        """Replaces the result of a transcription by a corrected one; as `Jobs.correct`."""
        call = await asyncio.to_thread(correct_call, job_id, transcript, training)
        return await self._call(call)

    async def events(self, job_id: str) -> AsyncGenerator[JobEvent, None]:
        """Yields the events of a job until it has ended; as `Jobs.events`."""
        reader = EventReader()
        failures = 0
        while True:
            try:
                with translated(self._session.server):
                    async with self._http.stream(
                        "GET", events_path(job_id), headers=reader.headers
                    ) as answer:
                        if not answer.is_success:
                            await answer.aread()
                        async for line in async_lines_of(answer):
                            event = reader.read(line)
                            if event is not None:
                                failures = 0
                                yield event
                        if reader.is_over(answer):
                            return
                raise cut_off(self._session.server)
            except ClientError as error:
                failures += 1
                pause = self._session.retries.wait(failures, error)
                if pause is None:
                    raise
            reader.drop_unfinished()
            await asyncio.sleep(pause)

    async def delete(self, job_id: str) -> None:
        """Cancels and erases a job; as `Jobs.delete`."""
        await self._call(delete_call(job_id))

    async def webhooks(self, job_id: str, *, repeat: bool = False) -> WebhookDeliveries:
        """Returns how the delivery of a job's webhook went; as `Jobs.webhooks`."""
        return await self._call(webhooks_call(job_id, repeat=repeat))

    async def _call(self, call: Call[_T]) -> _T:
        answer: _T = await self._run(call)
        return answer


def _next_wait(started: float, timeout: float | None) -> float:
    if timeout is None:
        return WAIT_SECONDS
    return min(WAIT_SECONDS, max(0.0, timeout - (time.monotonic() - started)))
