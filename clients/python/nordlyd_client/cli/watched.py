"""Transcribes what is copied into a folder, and notes in a journal what is done."""

import asyncio
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from nordlyd_client.cli.backends import Backend, Input
from nordlyd_client.cli.journal import Entry, Journal
from nordlyd_client.contract.layout import Layout
from nordlyd_client.errors import ClientError, InvalidRequestError, UnreachableError
from nordlyd_client.formats import describe, render
from nordlyd_client.values import Transcription
from nordlyd_client.watching import (
    FolderScan,
    Recording,
    digest_of,
    write_error,
    write_outputs,
)

_LOOK_SECONDS = 2.0
# The server has no room now, or is about to stop: the recording is not at fault.
_LATER = frozenset({429, 503, 507})
# They concern the request or its sender, unless the recording is at fault.
_HOPELESS = frozenset({400, 401, 403, 404})
_OF_A_FILE = frozenset({"file", "url"})


class WatchedFolder:
    """A folder whose recordings are transcribed.

    Args:
        folder: of the recordings.
        output: of the texts; may be the same. It is made if it does not exist.
        formats: to be written for each recording.
        layout: of text, md, f4 and docx.
        request: everything that decides the text; a recording is done again where it differs.

    Raises:
        InvalidRequestError: the output cannot be written to, or another process writes there.
    """

    def __init__(
        self,
        folder: Path,
        output: Path,
        formats: Sequence[str],
        layout: Layout,
        request: Mapping[str, object],
    ) -> None:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidRequestError(
                f"{output}: cannot be made: {error.strerror}.", param="output"
            ) from error
        self._output = output
        self._formats = tuple(formats)
        self._layout = layout
        text = json.dumps(dict(sorted(request.items())), ensure_ascii=False, default=str)
        self._request = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._scan = FolderScan(folder, leave_out=None if output == folder else output)
        self._journal = Journal(output)
        self._running: dict[str, asyncio.Task[None]] = {}
        # Recordings that failed as they are, which are not repeated before the next start.
        self._failed: dict[str, Recording] = {}

    def __enter__(self) -> "WatchedFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.close()

    async def watch(
        self, open_backend: Callable[[], AbstractAsyncContextManager[Backend]], jobs: int
    ) -> None:
        """Transcribes what is whole and new, until the task is cancelled.

        Args:
            open_backend: opens what transcribes.
            jobs: recordings in work at once.

        Raises:
            ClientError: no recording can be transcribed, or a text cannot be written.
        """
        async with open_backend() as backend:
            try:
                while True:
                    await self._look(backend, jobs)
                    await asyncio.sleep(_LOOK_SECONDS)
            finally:
                running = set(self._running.values())
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _look(self, backend: Backend, jobs: int) -> None:
        """Begins what is whole and new, and raises what ended the work of before."""
        for place in [place for place, task in self._running.items() if task.done()]:
            self._running.pop(place).result()
        try:
            recordings = await asyncio.to_thread(self._scan.whole)
        except OSError as error:
            _report(f"{self._scan.folder}: cannot be read: {error.strerror}")
            return
        for recording in recordings:
            if len(self._running) >= jobs:
                return
            if recording.place in self._running or self._failed.get(recording.place) == recording:
                continue
            if not await self._is_done(recording):
                self._running[recording.place] = asyncio.create_task(self._do(backend, recording))

    async def _is_done(self, recording: Recording) -> bool:
        entry = self._journal.find(recording.path)
        if (
            entry is None
            or entry.request != self._request
            or not set(self._formats) <= set(entry.formats)
        ):
            return False
        now = replace(entry, size=recording.size, changed=recording.changed)
        if entry == now:
            return True
        try:
            digest = await asyncio.to_thread(digest_of, recording.path)
        except OSError:
            # Removed meanwhile, or found again by the next look.
            return True
        if digest != entry.digest:
            return False
        # Copied again, or touched.
        self._journal.add(now)
        return True

    async def _do(self, backend: Backend, recording: Recording) -> None:
        item = Input(
            0,
            recording.place,
            recording.path.absolute(),
            self._scan.folder.absolute(),
            lambda: recording.path.open("rb"),
            recording.size,
            recording.changed,
        )
        try:
            digest = await asyncio.to_thread(digest_of, recording.path)
            answer = await backend.transcribe(item, lambda _done, _of: None)
        except OSError:
            # Removed meanwhile, or found again by the next look.
            return
        except ClientError as error:
            self._fail(recording, error)
            return
        if recording.path.exists() and not recording.is_unchanged():
            # What was sent may be partly of the old and partly of the new content.
            return
        await asyncio.to_thread(self._keep, recording, digest, answer)
        print(f"{recording.place}: {answer.duration:.0f} s transcribed", flush=True)

    def _keep(self, recording: Recording, digest: str, answer: Transcription) -> None:
        files = {
            describe(name).extension: f"{answer.body}\n".encode()
            if name == "json"
            else render(answer, name, recording=recording.path.name, layout=self._layout).body
            for name in self._formats
        }
        try:
            write_outputs(self._output, recording.place, files)
            self._journal.add(
                Entry(
                    file=str(recording.path),
                    size=recording.size,
                    changed=recording.changed,
                    request=self._request,
                    place=recording.place,
                    formats=self._formats,
                    begun=self._formats,
                    digest=digest,
                )
            )
        except OSError as error:
            raise _cannot_write(self._output, error) from error

    def _fail(self, recording: Recording, error: ClientError) -> None:
        """Lists a recording that cannot be transcribed.

        Raises:
            ClientError: no other one can be.
        """
        _report(f"{recording.place}: {error.message}")
        if isinstance(error, UnreachableError) or error.status in _LATER:
            return
        if error.status in _HOPELESS and error.param not in _OF_A_FILE:
            raise error
        self._failed[recording.place] = recording
        if recording.path.exists():
            try:
                write_error(self._output, recording.place, error.message)
            except OSError as failure:
                raise _cannot_write(self._output, failure) from failure


def _cannot_write(folder: Path, error: OSError) -> InvalidRequestError:
    return InvalidRequestError(
        f"{error.filename or folder}: cannot be written: {error.strerror}.", param="output"
    )


def _report(message: str) -> None:
    print(f"nordlyd: {message}", file=sys.stderr, flush=True)
