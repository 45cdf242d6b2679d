"""A request that wants to see its text grow in, OpenAI's server-sent events out.

What fails before anything was found out has an HTTP status; what fails later is an event.
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

from app.api.disconnects import run_until_disconnect
from app.api.errors import internal_error
from app.api.errors.openai import openai_error
from app.api.openai.schemas import token_usage, tokens_of, with_confidence
from app.contract.answers import Transcript
from app.errors import NordlydError
from app.pipeline import Service, TranscriptionRequest
from app.pipeline.incremental import TextDelta

HEARTBEAT_SECONDS = 15.0
_HEARTBEAT = ": still working\n\n"

_News: TypeAlias = TextDelta | Transcript | NordlydError | None
"""None: nothing for a while."""

_log = structlog.get_logger("nordlyd.openai")


class TranscriptEvents:
    """One transcription under way, and what there is to tell of it.

    Args:
        request: its body must have been read.
        service: does the work.
        work: what to transcribe.
        logprobs: whether to tell how sure the words are.
        heartbeat: seconds after which a silent stream says that it is alive.
    """

    def __init__(
        self,
        request: Request,
        service: Service,
        work: TranscriptionRequest,
        *,
        logprobs: bool,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._request = request
        self._service = service
        self._work = work
        self._logprobs = logprobs
        self._heartbeat = heartbeat
        self._news: asyncio.Queue[_News] = asyncio.Queue()
        self._first: _News = None
        self._task: asyncio.Task[None] | None = None
        self._told = 0

    async def begin(self) -> None:
        """Start the work and wait a while for the first that is known of it.

        Raises:
            NordlydError: the work failed at once.
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
        """End the work, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        transcriber = self._service.transcriber
        try:
            transcript = await run_until_disconnect(
                self._request,
                transcriber.transcribe(self._work, on_text=self._news.put_nowait),
                cut_off=self._service.cut_off,
            )
        except NordlydError as error:
            self._news.put_nowait(error)
        # The answer has begun: nobody else can tell the client.
        except Exception:
            _log.exception("request failed", path=self._request.url.path)
            self._news.put_nowait(internal_error(self._work.request_id))
        else:
            self._news.put_nowait(transcript)

    async def _next(self) -> _News:
        """The next news; None when there is none for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._heartbeat):
                return await self._news.get()
        return None

    async def __aiter__(self) -> AsyncIterator[str]:
        """The events as they are sent; the first from what `begin` waited for."""
        news = self._first
        while True:
            match news:
                case None:
                    yield _HEARTBEAT
                case TextDelta():
                    yield _event(self._delta(news))
                case Transcript():
                    yield _event(self._done(news))
                    return
                case _:
                    self._request.scope["state"]["error_code"] = news.code
                    yield _event({"error": openai_error(news).model_dump()})
                    return
            news = await self._next()

    def _delta(self, delta: TextDelta) -> dict[str, Any]:
        event: dict[str, Any] = {"type": "transcript.text.delta", "delta": delta.text}
        if self._logprobs:
            tokens = tokens_of(with_confidence(delta.words), continued=self._told > 0)
            event["logprobs"] = [token.model_dump() for token in tokens]
        self._told += len(delta.words)
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
    """Sends events; ends the work when the client hangs up.

    Args:
        events: that were begun.
        hold: left when the answer has ended, however it ended.
    """

    def __init__(
        self,
        events: TranscriptEvents,
        hold: AbstractContextManager[object],
    ) -> None:
        # nginx would keep small events until many of them fill a page.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._transcript_events = events
        self._hold = hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        with self._hold:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._transcript_events.end()


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
