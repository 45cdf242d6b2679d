"""Transcribes recordings by jobs of a server, which continue while this machine is off."""

import asyncio
import hashlib
import json
import platform
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import cast

from nordlyd_client.aio import AsyncClient
from nordlyd_client.cli.backends import (
    PATIENT,
    Backend,
    Input,
    Progress,
    RemoteBackend,
    open_remote_backend,
    unreadable,
)
from nordlyd_client.contract.jobs import ENDED, Job
from nordlyd_client.errors import (
    ClientError,
    InvalidRequestError,
    RefusedError,
    UnexpectedAnswerError,
)
from nordlyd_client.values import Transcription
from nordlyd_client.watching import write_whole

# A job that is waited for costs a connection; a thousand recordings are not waited for at once.
_MAX_WAITING = 64
_POLL_SECONDS = 5.0
_PARTS = 1000
# An older server has no jobs, and a key may have no scope for them.
_WITHOUT_JOBS = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN})


class Ledger:
    """The jobs that were made for the recordings of an output folder, in a file in it.

    Args:
        folder: the output folder, which exists and is held by this process.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".nordlyd" / "jobs.json"
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            content = {}
        self._jobs: dict[str, str] = content if isinstance(content, dict) else {}

    def find(self, name: str) -> str | None:
        """Returns the id of the job that was made for a recording; None for none."""
        return self._jobs.get(name)

    def note(self, name: str, job_id: str | None) -> None:
        """Notes the job of a recording, or that it has none any more.

        Raises:
            InvalidRequestError: the folder cannot be written to.
        """
        if job_id is None:
            self._jobs.pop(name, None)
        else:
            self._jobs[name] = job_id
        try:
            write_whole(self._path, json.dumps(self._jobs).encode())
        except OSError as error:
            raise InvalidRequestError(
                f"{self._path}: cannot be written: {error.strerror}.", param="output"
            ) from error


@asynccontextmanager
async def open_job_backend(
    server: str,
    key: str | None,
    options: Mapping[str, str],
    *,
    uploads: int,
    folder: Path | None,
) -> AsyncIterator[Backend]:
    """Opens a backend that hands recordings in as jobs; one without jobs where there are none.

    Args:
        server: its address.
        key: one of its API keys.
        options: of every request, by their names in the API.
        uploads: recordings that are sent at once.
        folder: the output folder, in which a later run finds the jobs of an interrupted one. None
            deletes the jobs that have not ended when the backend is closed.

    Raises:
        ClientError: the server cannot be reached.
    """
    async with (
        open_remote_backend(server, key, options) as without_jobs,
        AsyncClient(server, key, retries=PATIENT) as client,
    ):
        if not await _has_jobs(client):
            yield without_jobs
            return
        ledger = None if folder is None else Ledger(folder)
        backend = _RemoteJobs(client, options, server, asyncio.Semaphore(uploads), ledger)
        try:
            yield backend
        finally:
            await backend.close()


async def _has_jobs(client: AsyncClient) -> bool:
    try:
        await client.jobs.list(limit=1)
    except RefusedError as error:
        if error.status in _WITHOUT_JOBS:
            return False
        raise
    except UnexpectedAnswerError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _RemoteJobs(RemoteBackend):
    server: str
    uploading: asyncio.Semaphore
    ledger: Ledger | None
    open_jobs: dict[str, str] = field(default_factory=dict)

    def at_once(self, jobs: int) -> int:
        return max(jobs, _MAX_WAITING)

    async def transcribe(self, item: Input, progress: Progress) -> Transcription:
        name = self._name(item)
        job = await self._known(name) or await self._submit(item, name)
        while job.status not in ENDED:
            progress(round(job.progress * _PARTS), _PARTS)
            job = await self.client.jobs.get(job.id, wait=_POLL_SECONDS)
        try:
            return cast("Transcription", await self.client.jobs.result(job.id))
        except RefusedError:
            await self._delete(name)
            raise

    async def kept(self, item: Input) -> None:
        # The server erases by itself what could not be deleted.
        with suppress(ClientError):
            await self._delete(self._name(item))

    async def close(self) -> None:
        if self.ledger is None:
            for name in list(self.open_jobs):
                with suppress(ClientError):
                    await self._delete(name)

    async def _known(self, name: str) -> Job | None:
        """Returns the job that an earlier run made for a recording, if the server still has it."""
        job_id = None if self.ledger is None else self.ledger.find(name)
        if job_id is None:
            return None
        try:
            job = await self.client.jobs.get(job_id)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        self.open_jobs[name] = job_id
        if job.status == "failed":
            # Its cause may be gone.
            await self._delete(name)
            return None
        return job

    async def _submit(self, item: Input, name: str) -> Job:
        async with self.uploading:
            try:
                with item.open() as file:
                    job = await self.client.jobs.submit(
                        file,
                        # A run that was killed before it noted the job finds it by this.
                        idempotency_key=None if self.ledger is None else name,
                        **self.options,
                    )
            except OSError as error:
                raise unreadable(error) from error
        self.open_jobs[name] = job.id
        if self.ledger is not None:
            self.ledger.note(name, job.id)
        return job

    async def _delete(self, name: str) -> None:
        job_id = self.open_jobs.pop(name, None)
        if job_id is None:
            return
        # One that is gone already is as it should be.
        with suppress(RefusedError):
            await self.client.jobs.delete(job_id)
        if self.ledger is not None:
            self.ledger.note(name, None)

    def _name(self, item: Input) -> str:
        file = [platform.node(), str(item.path), item.size, item.changed]
        request = [file, self.server, dict(self.options)]
        return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:32]
