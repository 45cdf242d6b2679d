"""Transcribes what is copied into a folder, by jobs of its own, and writes the results beside it.

What was handed in is noted in the database, so that nothing is done twice, whenever the service
ends. A job is handed in under an idempotency key of the recording's path and content: where the
service ends between the two, the next start finds the job again.
"""

import asyncio
import hashlib
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import structlog

from app.contract.answers import Transcript
from app.contract.jobs import ENDED, Job
from app.database import Database
from app.errors import JobDamagedError, JobNotFoundError, NordlydError
from app.formats import describe, render
from app.jobs.types import Jobs, Owner, Submission
from app.pipeline import Service
from app.settings.jobs import JobSettings
from app.watching import FolderScan, Recording, digest_of, write_error, write_outputs

# It needs SQLAlchemy, which a service without jobs does not import.
if TYPE_CHECKING:
    from app.jobs.watch_records import Watched, WatchRecords

OWNER: Owner = "watch"
"""Of the jobs, which no API key sees."""
MAX_JOBS = 8
"""So many recordings are copied into storage at once; the others wait in the folder."""

_LOOK_SECONDS = 2.0
_PLACE = "place"
_READY_SECONDS = 0.2

_log = structlog.get_logger("nordlyd.watch")


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What is watched, and what is written.

    Attributes:
        folder: of the recordings.
        output: of the results; may be the same.
        formats: of the results, by their names.
    """

    folder: Path
    output: Path
    formats: tuple[str, ...]


class FolderWatch:
    """Watches a folder.

    Args:
        options: what is watched, and what is written.
        service: chooses model and language.
        jobs: transcribe.
        database: has what was handed in.
    """

    def __init__(
        self,
        options: WatchOptions,
        service: Service,
        jobs: Jobs,
        database: Database,
    ) -> None:
        self._options = options
        self._service = service
        self._jobs = jobs
        self._database = database
        leave_out = None if options.output == options.folder else options.output
        self._scan = FolderScan(options.folder, leave_out=leave_out)
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""

    def start(self) -> None:
        """Watches from now on."""
        self._task = asyncio.create_task(self._watch(), name="watch-folder")

    async def stop(self) -> None:
        """Stops; the next start continues."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while not self._service.readiness.ready:  # noqa: ASYNC110 - no event has it
            await asyncio.sleep(_READY_SECONDS)
        _log.info("watching", folder=str(self._options.folder), output=str(self._options.output))
        while True:
            try:
                await self._look()
            except NordlydError as error:
                self._report(error.message)
            except OSError as error:
                # Without the file, whose name may be that of a recording.
                self._report(error.strerror or type(error).__name__)
            except Exception:
                _log.exception("watching failed")
            else:
                self._trouble = ""
            await asyncio.sleep(_LOOK_SECONDS)

    def _report(self, trouble: str) -> None:
        """Logs what keeps everything from continuing, once for as long as it lasts."""
        if trouble != self._trouble:
            _log.warning("the watched folder waits", reason=trouble)
        self._trouble = trouble

    async def _look(self) -> None:
        """Hands in what is whole and new, and writes the results of what has ended."""
        from app.jobs.watch_records import WatchRecords  # noqa: PLC0415

        recordings = await asyncio.to_thread(self._scan.whole)
        records = WatchRecords(self._database)
        known = dict(await records.all())
        for recording in recordings:
            name = _digest(recording.place)
            if _is_noted(known.get(name), recording):
                continue
            in_work = sum(each.job_id is not None for each in known.values())
            async with records.claim(name) as is_ours:
                if not is_ours:
                    continue
                # Another process may have noted it since.
                before = await records.find(name)
                changed = await self._consider(before, name, recording, in_work < MAX_JOBS)
                if changed is not None:
                    await records.put(changed)
                    known[name] = changed
        for watched in known.values():
            if watched.job_id is not None:
                await self._collect(records, watched, watched.job_id)

    async def _consider(
        self, before: "Watched | None", name: str, recording: Recording, has_room: bool
    ) -> "Watched | None":
        """Hands in a recording, unless it was.

        Args:
            before: what was noted of its path.
            name: digest of its path.
            recording: is whole.
            has_room: whether a job may be added.

        Returns:
            What is to be noted; None for nothing.
        """
        from app.jobs.watch_records import Watched  # noqa: PLC0415

        size, changed = recording.size, recording.changed
        if _is_noted(before, recording) or (before is None and not has_room):
            return None
        try:
            digest = _digest(name, await asyncio.to_thread(digest_of, recording.path))
            if before is not None and before.digest == digest:
                # Copied again, or touched.
                return replace(before, size=size, changed=changed)
            job_id = await self._submit(recording, digest) if has_room else None
        except OSError as error:
            # Removed, or not readable yet: the next look finds it again, if it is there.
            _log.info("a recording was not read", reason=error.strerror)
            return None
        if job_id is None:
            return None
        if before is not None and before.job_id is not None:
            with suppress(JobNotFoundError):
                await self._jobs.delete(OWNER, before.job_id)
        return Watched(name, size, changed, digest, job_id)

    async def _submit(self, recording: Recording, digest: str) -> str | None:
        """Hands in a recording; returns the id of its job, or None where it has changed."""
        route = self._service.transcriber.route()
        source: BinaryIO = await asyncio.to_thread(recording.path.open, "rb")
        with ExitStack() as stack:
            stack.enter_context(source)
            # Submitting closes the source.
            number = os.dup(source.fileno())
            stack.callback(os.close, number)
            job, _ = await self._jobs.submit(
                Submission(
                    owner=OWNER,
                    kind="transcribe",
                    options={},
                    model=route.card.id,
                    language=route.language,
                    source=source,
                    name=recording.path.name,
                    idempotency_key=digest,
                    # Erased with the job.
                    protocol_options={_PLACE: recording.place},
                )
            )
            is_unchanged = await asyncio.to_thread(recording.is_unchanged, number)
        if not is_unchanged:
            # What was copied may be partly of the old and partly of the new content.
            await self._jobs.delete(OWNER, job.id)
            return None
        return job.id

    async def _collect(self, records: "WatchRecords", watched: "Watched", job_id: str) -> None:
        """Writes what became of a recording, once its job has ended."""
        with suppress(JobNotFoundError):
            if (await self._jobs.get(OWNER, job_id)).status not in ENDED:
                return
        async with records.claim(watched.id) as is_ours:
            # Another process may have written it since.
            if not is_ours or await records.find(watched.id) != watched:
                return
            try:
                job = await self._jobs.get(OWNER, job_id)
                place = str((await self._jobs.protocol_options(OWNER, job_id))[_PLACE])
                await self._write(place, job)
            except JobNotFoundError:
                _log.warning("a job of the watched folder was erased before its end", job=job_id)
            await records.put(replace(watched, job_id=None))

    async def _write(self, place: str, job: Job) -> None:
        """Writes the results of a recording, or why there are none."""
        output = self._options.output
        if job.status == "completed":
            try:
                result = await self._jobs.result(OWNER, job.id)
            except JobDamagedError as error:
                await asyncio.to_thread(write_error, output, place, error.message)
            else:
                assert isinstance(result, Transcript)
                files = await asyncio.to_thread(self._files, result, job.name)
                await asyncio.to_thread(write_outputs, output, place, files)
        else:
            reason = "It was cancelled." if job.error is None else job.error.message
            await asyncio.to_thread(write_error, output, place, reason)
        _log.info("results are written", job=job.id, status=job.status)

    def _files(self, transcript: Transcript, name: str) -> dict[str, bytes]:
        """Returns the results by the endings of their files."""
        return {
            describe(each).extension: f"{transcript.to_json()}\n".encode()
            if each == "json"
            else render(transcript, each, recording=name).body
            for each in self._options.formats
        }


def build_watch(
    settings: JobSettings, service: Service, jobs: Jobs, database: Database
) -> FolderWatch | None:
    """Builds what watches the folder of the settings; None where they name none."""
    if settings.watch is None:
        return None
    options = WatchOptions(
        settings.watch, settings.watch_out or settings.watch, tuple(settings.watch_formats)
    )
    return FolderWatch(options, service, jobs, database)


def _is_noted(before: "Watched | None", recording: Recording) -> bool:
    """Returns whether a recording is as it was when it was handed in."""
    return before is not None and (before.size, before.changed) == (
        recording.size, recording.changed,
    )  # fmt: skip


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
