"""The blocking client; streams and many files are iterators."""

import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
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
from nordlyd_client.jobs import Jobs
from nordlyd_client.live import Pcm, stream_events
from nordlyd_client.options import AlignOptions, LiveOptions, TranscribeOptions
from nordlyd_client.retries import Retries
from nordlyd_client.session import DEFAULT_TIMEOUT, FileResult, Session
from nordlyd_client.speakers import Speakers
from nordlyd_client.stepping import step_through
from nordlyd_client.uploads import Audio, Upload, opened
from nordlyd_client.values import Alignment, Health, ModelInfo, Transcription

_T = TypeVar("_T")


class Client:
    """Speaks to a Nordlyd server; may be shared by threads. Close it, or use it in a `with`.

    Args:
        base_url: address of the server; NORDLYD_SERVER, or port 8000 of this machine, by default.
        api_key: one of the server's keys; NORDLYD_API_KEY by default.
        timeout: seconds without data from the server after which a call fails.
        connect_timeout: seconds that connecting may take.
        retries: when a busy or unreachable server is tried again.

    Attributes:
        jobs: recordings that were handed in, to be fetched later.
        speakers: voices that the server knows by name.

    Raises:
        InvalidRequestError: the address is not valid.
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
        self._http = httpx.Client(
            base_url=self._session.server.url,
            headers=self._session.headers,
            timeout=self._session.timeouts,
        )
        self.jobs = Jobs(self._session, self._http, self._run)
        self.speakers = Speakers(self._run)

    @overload
    def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcription: ...

    @overload
    def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: TextFormat,
        **options: Unpack[TranscribeOptions],
    ) -> str: ...

    @overload
    def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: BinaryFileFormat,
        **options: Unpack[TranscribeOptions],
    ) -> bytes: ...

    def transcribe(
        self,
        audio: Audio | None = None,
        *,
        response_format: TextFormat | BinaryFileFormat | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcription | str | bytes:
        """Transcribes one recording.

        Args:
            audio: a path, bytes, or an open binary file, which is sent from its beginning; None
                where `url` gives the address of the recording.
            response_format: the text of a file format instead of a `Transcription`, or the bytes
                of docx or stl.
            options: the parameters of POST /transcribe.

        Raises:
            ClientError: the server refuses, fails or cannot be reached.
            OSError: the recording cannot be read.
        """
        return self._run(transcribe_call(audio, response_format, options))

    def transcribe_many(
        self,
        paths: Iterable[str | PathLike[str]],
        *,
        jobs: int = 4,
        **options: Unpack[TranscribeOptions],
    ) -> Generator[FileResult, None, None]:
        """Transcribes many files, `jobs` at once; yields each result as it is ready.

        A file that fails is a result with its error, and the others continue. At most `jobs`
        paths are read ahead, so the iterable may be endless.
        """

        def one(path: Path) -> FileResult:
            try:
                return FileResult(path, self.transcribe(path, **options))
            except (ClientError, OSError) as error:
                return FileResult(path, error=error)

        waiting: Iterator[Path] = map(Path, paths)
        with ThreadPoolExecutor(jobs, "nordlyd-client") as pool:
            running: set[Future[FileResult]] = set()
            while True:
                running |= {pool.submit(one, path) for path in islice(waiting, jobs - len(running))}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()

    def align(self, audio: Audio, text: str, **options: Unpack[AlignOptions]) -> Alignment:
        """Finds when each word of a text is spoken in a recording.

        Raises:
            ClientError: as `transcribe`.
            OSError: the recording cannot be read.
        """
        return self._run(align_call(audio, text, options))

    def stream(
        self,
        audio: Iterable[bytes],
        *,
        encoding: Encoding = "s16le",
        rate: int = 16_000,
        channels: int = 1,
        **options: Unpack[LiveOptions],
    ) -> Generator[LiveEvent, None, None]:
        """Transcribes audio while it is being recorded; yields the events as they come.

        A broken connection is resumed where it broke.

        Args:
            audio: raw samples in pieces of any size; read on a thread of its own.
            encoding: of the samples.
            rate: of one channel, in Hz.
            channels: how many, interleaved.
            options: the parameters of WS /stream.

        Raises:
            ClientError: the server refuses, fails or cannot be reached.
        """
        pcm = Pcm(encoding, rate, channels)
        events = stream_events(
            self._session.server, audio, pcm, dict(options), retries=self._session.retries
        )
        yield from step_through(events)

    def health(self) -> Health:
        """Returns the state of the server, ready or not.

        Raises:
            ClientError: it cannot be reached.
        """
        return self._run(health_call())

    def models(self) -> tuple[ModelInfo, ...]:
        """Returns the models that are loaded; raises as `health`."""
        return self.health().models

    def ready(self) -> bool:
        """Returns whether the server accepts work; raises as `health`."""
        try:
            self._run(ready_call())
        except ClientError as error:
            return is_ready(error)
        return True

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, call: Call[_T]) -> _T:
        with ExitStack() as stack:
            upload = None if call.audio is None else stack.enter_context(opened(call.audio))
            for attempt in count(1):
                try:
                    return self._once(call, upload)
                except ClientError as error:
                    pause = self._session.retries.wait(attempt, error) if call.again else None
                    if pause is None:
                        raise
                time.sleep(pause)
        raise AssertionError

    def _once(self, call: Call[_T], upload: Upload | None) -> _T:
        with translated(self._session.server):
            response = self._http.send(call.build(self._http, upload))
        return call.answer(response)
