"""Transcribes an archive in this process.

Recordings are read ahead and decoded while the encoder works on those before them, and texts are
decoded beside both. What is between two stages is bounded, so that memory is too.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from functools import partial
from typing import ParamSpec, TypeVar

import numpy as np

from app.archive.job import ArchiveJob, diarization_of, route_of
from app.archive.keeping import keep
from app.archive.manifest import Pending
from app.archive.results import Result
from app.archive.rooms import Room
from app.archive.sources import Source, UnreadableError, open_source
from app.archive.stages import Facts, concerns_recording, transcript_of
from app.audio import Recording
from app.audio.content_types import decode_options
from app.decoding.types import Emissions
from app.errors import NordlydError
from app.main import audio_limits, build_service
from app.pipeline import LoadedModel, LocalRecognition, Service
from app.telemetry import Telemetry

_READERS = 8
_AHEAD = 64
# Audio that waits for the encoder or is in it: three batches, and enough for short recordings.
_ENCODE_BATCHES = 3.0
_MIN_ENCODE_SECONDS = 300.0
# Its emissions wait for the text decoder; 8 kB a second for a vocabulary of 40 tokens.
_TEXT_SECONDS = 4 * 3600.0
# What the shortest recording counts, so that there are not too many at once.
_MIN_SECONDS = 1.0

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def transcribe_here(job: ArchiveJob) -> None:
    """Transcribes everything that is pending; what is done is kept, however this ends.

    Raises:
        NordlydError: the model cannot be loaded, or no further recording can be transcribed.
        OSError: a result cannot be written.
    """
    settings = job.settings
    service, recognition = build_service(settings, Telemetry(), report=job.on_pull)
    try:
        await service.load()
        job.progress.begin()
        await LocalEngine(service, recognition, job).run()
    finally:
        await service.stop()


class LocalEngine:
    """Takes the pending recordings of a manifest through all stages.

    Args:
        service: routes, and decodes audio.
        recognition: has the model, which is loaded.
        job: what to do.
    """

    def __init__(self, service: Service, recognition: LocalRecognition, job: ArchiveJob) -> None:
        self._media = service.transcriber.media
        self._recognition = recognition
        self._route = route_of(service.transcriber, job.options)
        self._diarizer = service.transcriber.diarizer
        self._diarization = diarization_of(service.transcriber, job.options)
        self._model: LoadedModel = recognition.loaded(self._route)
        self._options = decode_options(job.options)
        self._limits = audio_limits(job.settings)
        self._manifest = job.manifest
        self._texts = job.texts
        self._progress = job.progress
        [batch_seconds] = service.engine.status().batch_seconds.values()
        self._ahead = asyncio.Semaphore(_AHEAD)
        self._decoding = asyncio.Semaphore(job.settings.media_workers + 2)
        self._encoding = Room(max(_ENCODE_BATCHES * batch_seconds, _MIN_ENCODE_SECONDS))
        self._writing = Room(_TEXT_SECONDS)
        self._running: dict[str, asyncio.Future[Result]] = {}
        # Apart from the threads that write: reading from a network may take long.
        self._readers = ThreadPoolExecutor(_READERS, "nordlyd-read")
        # One thread has the database.
        self._keeper = ThreadPoolExecutor(1, "nordlyd-manifest")

    async def run(self) -> None:
        """Transcribes everything that is pending; raises as `transcribe_here`."""
        pending = self._manifest.pending(self._texts.name)
        try:
            async with asyncio.TaskGroup() as tasks:
                while (recording := await self._keep(next, pending, None)) is not None:
                    await self._ahead.acquire()
                    tasks.create_task(self._one(recording))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            await asyncio.shield(self._keep(self._manifest.commit))
            self._keeper.shutdown()
            self._readers.shutdown(wait=False)

    async def _one(self, recording: Pending) -> None:
        digest, version, transcribed = "", recording.version, False
        with ExitStack() as ahead:
            ahead.callback(self._ahead.release)
            try:
                source = await self._in(
                    self._readers, open_source, recording.location, recording.version
                )
                with source.file:
                    result, transcribed = await self._result(recording, source, ahead.close)
                    digest, version = source.digest, source.version
            except UnreadableError as error:
                result = Result.of_error(error)
        await asyncio.to_thread(self._texts.write, recording.path, result)
        await self._keep(
            keep, self._manifest, self._texts, recording, result, digest=digest, version=version
        )
        if transcribed:
            del self._running[digest]
        self._progress.count(recording.size, result, transcribed=transcribed)

    async def _result(
        self, recording: Pending, source: Source, on_encoding: Callable[[], None]
    ) -> tuple[Result, bool]:
        """Returns the result of a content, and whether it is new."""
        digest = source.digest
        while (running := self._running.get(digest)) is not None:
            # A copy of a recording that is being transcribed.
            source.file.close()
            on_encoding()
            await asyncio.wait({running})
            if not running.cancelled():
                return running.result(), False
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._running[digest] = done
        known: Result | None = None
        try:
            known = await self._keep(self._manifest.find, digest)
            result = known or await self._transcribe(recording, source, on_encoding)
            done.set_result(result)
        finally:
            # One that is new stays until the manifest has it.
            if known is not None or not done.done():
                done.cancel()
                del self._running[digest]
        return result, known is None

    async def _transcribe(
        self, pending: Pending, source: Source, on_encoding: Callable[[], None]
    ) -> Result:
        """Takes a recording through the stages; holds its place in one until the next has room."""
        stage = AsyncExitStack()
        try:
            await stage.enter_async_context(self._decoding)
            recording = await self._decode(pending, source)
            counted = max(recording.duration, _MIN_SECONDS)
            facts = await Facts.of(recording, self._diarizer, self._diarization)

            stage = await _advance(stage, self._encoding.hold(counted))
            source.file.close()
            on_encoding()
            emissions = await self._encode(pending, recording)
            recording.close()

            stage = await _advance(stage, self._writing.hold(counted))
            transcript = await self._recognition.decoding.run_in_background(
                transcript_of,
                facts,
                emissions,
                route=self._route,
                decoders=self._model.decoders,
                frame_seconds=self._model.frame_seconds,
            )
            return await asyncio.to_thread(Result.of_transcript, transcript)
        except UnreadableError:
            raise
        except NordlydError as error:
            if not concerns_recording(error):
                raise
            return Result.of_error(error)
        finally:
            await stage.aclose()

    async def _decode(self, pending: Pending, source: Source) -> Recording:
        recording = await asyncio.wrap_future(
            self._media.submit(
                source.file,
                options=self._options,
                limits=self._limits,
                request_id=pending.path,
                background=True,
            )
        )
        source.check_unchanged()
        return recording

    async def _encode(self, pending: Pending, recording: Recording) -> Emissions:
        encoded = await self._recognition.encode(
            self._model, recording, pending.path, caller="", admission="always"
        )
        if encoded is None:
            return np.zeros((0, len(self._model.acoustic.vocabulary)), dtype=np.float32)
        return encoded.emissions

    async def _keep(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Runs a function that uses the manifest on the thread that has it."""
        return await self._in(self._keeper, function, *args, **kwargs)

    async def _in(
        self,
        threads: ThreadPoolExecutor,
        function: Callable[_P, _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        call = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(threads, call)


async def _advance(
    stage: AsyncExitStack, entering: AbstractAsyncContextManager[None]
) -> AsyncExitStack:
    """Enters a stage, and leaves the one before once there was room."""
    following = AsyncExitStack()
    await following.enter_async_context(entering)
    await stage.aclose()
    return following
