"""The asynchronous client: the methods of `Client`, to be awaited."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import AsyncExitStack
from itertools import count, islice
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack, overload

import httpx

from nordlyd_client.calls import (
    Call,
    TextFormat,
    align_call,
    health_call,
    is_ready,
    ready_call,
    transcribe_call,
    translated,
)
from nordlyd_client.contract.formats import BinaryFileFormat
from nordlyd_client.contract.options import Encoding
from nordlyd_client.errors import ClientError
from nordlyd_client.events import LiveEvent
from nordlyd_client.jobs import AsyncJobs
from nordlyd_client.live import Pcm, stream_events
from nordlyd_client.options import AlignOptions, LiveOptions, TranscribeOptions
from nordlyd_client.retries import Retries
from nordlyd_client.session import DEFAULT_TIMEOUT, FileResult, Session
from nordlyd_client.speakers import AsyncSpeakers
from nordlyd_client.uploads import Audio, Upload, opened
from nordlyd_client.values import Alignment, Health, ModelInfo, Transcription

_T = TypeVar("_T")


class AsyncClient:
    """Speaks to a Nordlyd server on one event loop. Close it, or use it in an `async with`.

    Arguments, answers and errors are those of `Client`; so are those of its methods.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        connect_timeout: float = 10.0,
        retries: Retries | None = None,
    ) -> None:
        self._session = Session.of(base_url, api_key, timeout, connect_timeout, retries)
        self._http = httpx.AsyncClient(
            base_url=self._session.server.url,
            headers=self._session.headers,
            timeout=self._session.timeouts,
            limits=httpx.Limits(),
        )
        self.jobs = AsyncJobs(self._session, self._http, self._run)
        self.speakers = AsyncSpeakers(self._run)

    @overload
    async def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcription: ...

    @overload
    async def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: TextFormat,
        **options: Unpack[TranscribeOptions],
    ) -> str: ...

    @overload
    async def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: BinaryFileFormat,
        **options: Unpack[TranscribeOptions],
    ) -> bytes: ...

    async def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: TextFormat | BinaryFileFormat | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcription | str | bytes:
        """Transcribes one recording; as `Client.transcribe`. Cancelling it ends the request."""
        return await self._run(transcribe_call(audio, response_format, options))

    async def transcribe_many(
        self,
        paths: Iterable[str | PathLike[str]],
        *,
        jobs: int = 4,
        **options: Unpack[TranscribeOptions],
    ) -> AsyncGenerator[FileResult, None]:
        """Transcribes many files, `jobs` at once; as `Client.transcribe_many`."""

        async def one(path: Path) -> FileResult:
            try:
                return FileResult(path, await self.transcribe(path, **options))
            except (ClientError, OSError) as error:
                return FileResult(path, error=error)

        waiting: Iterator[Path] = map(Path, paths)
        running: set[asyncio.Task[FileResult]] = set()
        try:
            while True:
                ahead = islice(waiting, jobs - len(running))
                running |= {asyncio.create_task(one(path)) for path in ahead}
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in running:
                task.cancel()

    async def align(self, audio: Audio, text: str, **options: Unpack[AlignOptions]) -> Alignment:
        """Finds when each word of a text is spoken in a recording; as `Client.align`."""
        return await self._run(align_call(audio, text, options))

    def stream(
        self,
        audio: Iterable[bytes] | AsyncIterable[bytes],
        *,
        encoding: Encoding = "s16le",
        rate: int = 16_000,
        channels: int = 1,
        **options: Unpack[LiveOptions],
    ) -> AsyncGenerator[LiveEvent, None]:
        """Transcribes audio while it is being recorded; as `Client.stream`."""
        pcm = Pcm(encoding, rate, channels)
        return stream_events(
            self._session.server, audio, pcm, dict(options), retries=self._session.retries
        )

    async def health(self) -> Health:
        """Returns the state of the server, ready or not; as `Client.health`."""
        return await self._run(health_call())

    async def models(self) -> tuple[ModelInfo, ...]:
        """Returns the models that are loaded."""
        return (await self.health()).models

    async def ready(self) -> bool:
        """Returns whether the server accepts work."""
        try:
            await self._run(ready_call())
        except ClientError as error:
            return is_ready(error)
        return True

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _run(self, call: Call[_T]) -> _T:
        async with AsyncExitStack() as stack:
            upload = None
            if call.audio is not None:
                # Opening may copy a pipe, which may wait.
                upload = await asyncio.to_thread(stack.enter_context, opened(call.audio))
            for attempt in count(1):
                try:
                    return await self._once(call, upload)
                except ClientError as error:
                    pause = self._session.retries.wait(attempt, error) if call.again else None
                    if pause is None:
                        raise
                await asyncio.sleep(pause)
        raise AssertionError

    async def _once(self, call: Call[_T], upload: Upload | None) -> _T:
        with translated(self._session.server):
            response = await self._http.send(call.build(self._http, upload))
        return call.answer(response)
