"""A transcription as OpenAI's server-sent events, sent while the recording is being encoded.

A failure before the first event has an HTTP status; a later one is an event.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeAlias

import structlog
from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api import sse
from app.api.errors import internal_error
from app.api.errors.openai import openai_error
from app.api.incoming import run_until_disconnect
from app.api.openai.schemas import token_usage, tokens_of, with_confidence
from app.api.openai.speakers import diarized_segments
from app.contract.answers import Transcript
from app.errors import NordlydError
from app.pipeline import Service, TranscriptionRequest
from app.pipeline.incremental import TextDelta

_Update: TypeAlias = TextDelta | Transcript | NordlydError | None
"""A further piece of text, the end, or None where there was neither for a while."""

_log = structlog.get_logger("nordlyd.openai")


class TranscriptEvents:
    """The events of one running transcription.

    Args:
        request: its body must have been read.
        service: transcribes.
        work: what to transcribe.
        logprobs: whether events have the log-probabilities of words.
        heartbeat: seconds without an event after which a comment is sent.
    """

    def __init__(
        self,
        request: Request,
        service: Service,
        work: TranscriptionRequest,
        *,
        logprobs: bool,
        heartbeat: float = sse.KEEP_ALIVE_SECONDS,
    ) -> None:
        self._request = request
        self._service = service
        self._work = work
        self._logprobs = logprobs
        self._heartbeat = heartbeat
        self._updates: asyncio.Queue[_Update] = asyncio.Queue()
        self._first: _Update = None
        self._task: asyncio.Task[None] | None = None
        self._words_sent = 0

    async def begin(self) -> None:
        """Starts the work, and waits for its first update, but not longer than a heartbeat.

        Raises:
            NordlydError: the work failed before its first update.
        """
        self._task = asyncio.create_task(self._run())
        try:
            self._first = await self._next()
        except BaseException:
            await self.end()
            raise
        if isinstance(self._first, NordlydError):
            raise self._first

    async def end(self) -> None:
        """Cancels the work, if it still runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        transcriber = self._service.transcriber
        try:
            transcript = await run_until_disconnect(
                self._request,
                transcriber.transcribe(self._work, on_text=self._updates.put_nowait),
                cut_off=self._service.cut_off,
            )
        except NordlydError as error:
            self._updates.put_nowait(error)
        # The response may have begun, so that no handler can send an error.
        except Exception:
            _log.exception("request failed", path=self._request.url.path)
            self._updates.put_nowait(internal_error(self._work.request_id))
        else:
            self._updates.put_nowait(transcript)

    async def _next(self) -> _Update:
        """Returns the next update; None where there is none within a heartbeat."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._heartbeat):
                return await self._updates.get()
        return None

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yields the events as they are sent, beginning with the update that `begin` waited for."""
        update = self._first
        while True:
            match update:
                case None:
                    yield sse.KEEP_ALIVE
                case TextDelta():
                    yield _event(self._delta(update))
                case Transcript():
                    if update.speakers is not None:
                        for segment in diarized_segments(update):
                            yield _event(segment.model_dump())
                    yield _event(self._done(update))
                    return
                case _:
                    self._request.scope["state"]["error_code"] = update.code
                    yield _event({"error": openai_error(update).model_dump()})
                    return
            update = await self._next()

    def _delta(self, delta: TextDelta) -> dict[str, Any]:
        event: dict[str, Any] = {"type": "transcript.text.delta", "delta": delta.text}
        if self._logprobs:
            tokens = tokens_of(with_confidence(delta.words), continued=self._words_sent > 0)
            event["logprobs"] = [token.model_dump() for token in tokens]
        self._words_sent += len(delta.words)
        return event

    def _done(self, transcript: Transcript) -> dict[str, Any]:
        event: dict[str, Any] = {
            "type": "transcript.text.done",
            "text": transcript.written_text,
            "usage": token_usage(transcript.duration, transcript.text),
        }
        if self._logprobs:
            tokens = tokens_of(with_confidence(transcript.written_words))
            event["logprobs"] = [token.model_dump() for token in tokens]
        return event


class EventResponse(StreamingResponse):
    """Sends events; cancels the work when the client disconnects.

    Args:
        events: after `begin`.
        hold: a context that is closed when the response has ended, even by an error.
    """

    def __init__(
        self,
        events: TranscriptEvents,
        hold: AbstractContextManager[object],
    ) -> None:
        super().__init__(events, media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)
        self._transcript_events = events
        self._hold = hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events."""
        with self._hold:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._transcript_events.end()


def _event(data: dict[str, Any]) -> str:
    return sse.encode_event(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
