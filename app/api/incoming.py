"""A request that brings a recording: its head, parsed once, and the steps that routes share.

A route admits the request, reads its options, sets its deadline, checks that there is room, and
reads the body; each step stores its results here for the next ones.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, BinaryIO, TypeVar

from fastapi import Depends, Request

from app.api.auth import caller_of
from app.api.forms import MAX_FIELD_BYTES, FormLimits
from app.api.overload import TIMEOUT_HEADER, declared_size
from app.api.state import AppState, AppStateOf
from app.api.uploads import RecordingFile, Uploads, read_uploads
from app.audio import DecodeOptions
from app.audio.content_types import ContentType
from app.errors import ClientDisconnectedError, InvalidRequestError, UnavailableError
from app.pipeline import Route, TranscriptionRequest, Work
from app.speakers import DiarizationOptions
from app.storage import Reservation

_MAX_FIELDS = 50
_T = TypeVar("_T")


class IncomingRequest:
    """A request that brings a recording.

    Args:
        request: whose body has not been read.
        state: of the service.

    Attributes:
        request: as given.
        state: as given.
        request_id: for logs and answers.
        caller: identifies who sent it, for limits of each caller.
        content_type: of the body.
        query: its parameters, as given.
    """

    def __init__(self, request: Request, state: AppState) -> None:
        self.request = request
        self.state = state
        self.request_id: str = request.state.request_id
        self.caller = caller_of(request)
        self.content_type = ContentType.parse(request.headers.get("content-type"))
        self.query = request.query_params.multi_items()
        self._work: Work | None = None

    @property
    def deadline(self) -> float | None:
        """Instant of `time.monotonic` after which the answer is of no use; None for none."""
        deadline: float | None = getattr(self.request.state, "deadline", None)
        return deadline

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Counts the request as running for as long as the context is open.

        Raises:
            UnavailableError: the service is loading, stopping or broken.
        """
        service = self.state.service
        with service.admit(), service.workload.open(self.caller) as self._work:
            yield

    def set_timeout(self, timeout: float | None = None) -> None:
        """Sets the deadline, which also holds for the part of the body that is still to come.

        Args:
            timeout: seconds from the beginning of the request; None takes the header
                `x-request-timeout`, or no deadline.

        Raises:
            InvalidRequestError: the header is not a number above 0.
        """
        seconds = timeout or _parse_timeout(self.request.headers.get(TIMEOUT_HEADER))
        started: float = self.request.state.started
        self.request.state.deadline = None if seconds is None else started + seconds

    def check_room(self) -> None:
        """Refuses the request before its body is read, where its answer would take too long.

        Raises:
            OverloadedError: too much is before it; with the seconds until it would be accepted.
        """
        assert self._work is not None
        self._work.expect(declared_size(self.request.headers))
        self.state.service.admission.check(self._work, self.deadline)

    async def read(
        self,
        *,
        max_files: int = 1,
        max_fields: int = _MAX_FIELDS,
        max_field_bytes: int = MAX_FIELD_BYTES,
    ) -> Uploads:
        """Reads the body; raises as `read_uploads`."""
        return await read_uploads(
            self.content_type,
            self.request.stream(),
            self._reserve(),
            FormLimits(max_files, max_fields, max_field_bytes),
        )

    async def read_bytes(self, limit: int) -> bytes | None:
        """Returns the whole body; None where it has more bytes than the limit."""
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > limit:
                return None
        return bytes(body)

    @asynccontextmanager
    async def recording(self, source: RecordingFile | str) -> AsyncIterator[RecordingFile]:
        """Yields a recording, which is fetched first where it is a URL.

        Raises:
            UrlRefusedError, UrlFetchError: the URL is not allowed, or fetching from it failed.
            NordlydError: as `Fetcher.fetch`.
        """
        if isinstance(source, RecordingFile):
            yield source
            return
        fetcher = self.state.need_fetcher()
        fetched = await fetcher.fetch(source, self.deadline, reservation=self._reserve())
        try:
            yield RecordingFile.fetched(fetched)
        finally:
            fetched.bodies.close()

    def transcription(
        self,
        source: BinaryIO,
        audio: DecodeOptions,
        route: Route,
        *,
        request_id: str | None = None,
        diarization: DiarizationOptions | None = None,
        wait_for_room: bool = False,
        work: Work | None = None,
    ) -> TranscriptionRequest:
        """Returns the pipeline's request for a recording.

        Args:
            source: an open recording at its beginning; the pipeline closes it.
            audio: how to decode it.
            route: the model and the options that serve it.
            request_id: of one of several recordings; that of the request by default.
            diarization: how many speakers to tell apart; None tells none apart.
            wait_for_room: whether to wait where the queue is full, instead of being refused.
            work: counts one of several recordings; by default the request's own.
        """
        work = work or self._work
        if work is not None:
            work.receive()
        return TranscriptionRequest(
            source=source,
            request_id=request_id or self.request_id,
            route=route,
            audio=audio,
            caller=self.caller,
            deadline=self.deadline,
            wait_for_room=wait_for_room,
            work=work,
            diarization=diarization,
        )

    @contextmanager
    def part(self, size: int) -> Iterator[Work]:
        """Counts one of several recordings, of so many bytes, apart from the request."""
        if self._work is not None:
            self._work.expect(0)
        with self.state.service.workload.open(self.caller) as work:
            work.expect(size)
            yield work

    async def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs work until the client closes the connection; raises as `run_until_disconnect`."""
        return await run_until_disconnect(self.request, work, cut_off=self.state.service.cut_off)

    def _reserve(self) -> Reservation:
        return self.state.service.transcriber.media.spool.reserve(self.caller)


async def run_until_disconnect(
    request: Request, work: Coroutine[Any, Any, _T], *, cut_off: asyncio.Event
) -> _T:
    """Returns the result of the work; cancels it when the client disconnects.

    Args:
        request: its body must have been read.
        work: what to run.
        cut_off: set when a stopping service no longer waits for requests.

    Raises:
        ClientDisconnectedError: the client disconnected before the work was done.
        UnavailableError: the service stopped before the work was done.
    """
    task = asyncio.ensure_future(work)
    disconnected = asyncio.ensure_future(_wait_for_disconnect(request))
    stopped = asyncio.ensure_future(cut_off.wait())
    try:
        await asyncio.wait({task, disconnected, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        if disconnected.done():
            raise ClientDisconnectedError("The client disconnected before the answer was ready.")
        raise UnavailableError(
            "The service stopped before this request was finished.", code="draining"
        )
    finally:
        for future in (task, disconnected, stopped):
            future.cancel()
        await asyncio.gather(task, disconnected, stopped, return_exceptions=True)


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _parse_timeout(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidRequestError(
            f"{TIMEOUT_HEADER} is {header!r}; accepted: seconds above 0.", param=TIMEOUT_HEADER
        )
    return seconds


# As `_app_state`, so that it does not run on another thread.
async def _incoming(request: Request, state: AppStateOf) -> IncomingRequest:
    return IncomingRequest(request, state)


IncomingOf = Annotated[IncomingRequest, Depends(_incoming)]
