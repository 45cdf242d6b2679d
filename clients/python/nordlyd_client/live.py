"""Sends raw samples to `WS /stream` and yields its events; resumes a connection that breaks."""

import asyncio
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Coroutine,
    Iterable,
    Mapping,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pydantic_core import from_json
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from nordlyd_client.calls import Server
from nordlyd_client.contract.stream import End, Ready
from nordlyd_client.errors import (
    ClientError,
    InvalidRequestError,
    UnexpectedAnswerError,
    UnreachableError,
    error_of,
    error_of_event,
)
from nordlyd_client.events import LiveEvent, read_event, received_until
from nordlyd_client.options import as_fields
from nordlyd_client.replay_buffer import ReplayBuffer
from nordlyd_client.retries import Retries
from nordlyd_client.stepping import step_beside

_SAMPLE_BYTES = {"s16le": 2, "s16be": 2, "f32le": 4, "mulaw": 1, "alaw": 1}
_AHEAD_SECONDS = 2.0
# Only audio that no event confirms: an event means that the audio before it was received.
_KEEP_SECONDS = 600.0
# The delay of a resampler, and a millisecond.
_ROUNDED_SECONDS = 0.02
_TRY_AGAIN_LATER = 1013
# A server that is behind reads the close after all the audio before it.
_CLOSE_SECONDS = 1.0
_MAX_MESSAGE_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class Pcm:
    """The encoding of raw samples: s16le, s16be, f32le, mulaw or alaw; rate in Hz; interleaved.

    Raises:
        InvalidRequestError: it is none of these.
    """

    encoding: str
    rate: int
    channels: int

    def __post_init__(self) -> None:
        if self.encoding not in _SAMPLE_BYTES:
            raise InvalidRequestError(
                f"encoding is {self.encoding!r}; accepted: {', '.join(_SAMPLE_BYTES)}.",
                param="encoding",
            )
        for name in ("rate", "channels"):
            if getattr(self, name) < 1:
                raise InvalidRequestError(
                    f"{name} is {getattr(self, name)}; accepted: 1 or more.", param=name
                )

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return _SAMPLE_BYTES[self.encoding] * self.channels

    def position(self, seconds: float) -> int:
        """Returns the byte at which a time begins."""
        return round(seconds * self.rate) * self.frame_bytes


async def stream_events(
    server: Server,
    audio: Iterable[bytes] | AsyncIterable[bytes],
    pcm: Pcm,
    options: Mapping[str, Any],
    *,
    retries: Retries,
) -> AsyncGenerator[LiveEvent, None]:
    """Sends audio as it comes and yields the events, until both end.

    Args:
        server: of the stream.
        audio: raw samples in pieces of any size.
        pcm: their encoding.
        options: the other parameters of WS /stream.
        retries: of a connection; counted from 1 again after an event.

    Raises:
        ClientError: the server refuses, fails or cannot be reached.
    """
    buffer = ReplayBuffer(
        pcm.frame_bytes, ahead=pcm.position(_AHEAD_SECONDS), keep=pcm.position(_KEEP_SECONDS)
    )
    session: str | None = None
    attempt = 0
    async with _beside(_buffer_audio(buffer, audio)):
        while True:
            attempt += 1
            url = _url(server, pcm, options, session)
            try:
                async with aclosing(_one_connection(server, url, buffer, pcm)) as events:
                    async for event in events:
                        again = isinstance(event, Ready) and session is not None
                        if isinstance(event, Ready):
                            session = event.session
                        else:
                            attempt = 1
                        if not again:
                            yield event
            except ClientError as error:
                pause = retries.wait(attempt, error)
                if pause is None:
                    raise
            else:
                return
            await asyncio.sleep(pause)


async def _one_connection(
    server: Server, url: str, buffer: ReplayBuffer, pcm: Pcm
) -> AsyncGenerator[LiveEvent, None]:
    """Yields the events of one connection; ends after `End`."""
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(_connected(server, url))
        while True:
            try:
                message = await socket.recv()
            except ConnectionClosed as closed:
                if buffer.failure is not None:
                    raise buffer.failure from closed
                raise UnreachableError(f"{server.url} broke the connection: {closed}.") from closed
            content = _content(message)
            if content.get("type") == "error":
                raise await _refusal(socket, content)
            event = read_event(content)
            if event is None:
                continue
            if isinstance(event, Ready):
                buffer.rewind(pcm.position(event.received))
                if event.received:
                    buffer.skip(pcm.position(_ROUNDED_SECONDS))
                await stack.enter_async_context(_beside(_send(buffer, socket)))
            buffer.forget(pcm.position(received_until(event)))
            yield event
            if isinstance(event, End):
                return


async def _buffer_audio(
    buffer: ReplayBuffer, audio: Iterable[bytes] | AsyncIterable[bytes]
) -> None:
    try:
        async with aclosing(step_beside(audio)) as pieces:
            async for piece in pieces:
                await buffer.add(piece)
    except Exception as error:
        buffer.end(error)
    else:
        buffer.end()


async def _send(buffer: ReplayBuffer, socket: ClientConnection) -> None:
    try:
        while (piece := await buffer.take()) is not None:
            await socket.send(piece)
        await socket.send(json.dumps({"type": "end"}))
    except ConnectionClosed:
        # The reader of the connection finds the same, and raises the reason.
        return
    except Exception:
        if buffer.failure is None:
            raise
        # The reader finds the connection closed, and then the failure in the buffer.
        await socket.close()


@asynccontextmanager
async def _connected(server: Server, url: str) -> AsyncIterator[ClientConnection]:
    async with AsyncExitStack() as stack:
        try:
            socket = await stack.enter_async_context(
                connect(
                    url,
                    # Header values go out as Latin-1, and a key may hold any letters.
                    additional_headers={
                        name: value.encode().decode("latin-1")
                        for name, value in server.headers.items()
                    },
                    # Audio does not shrink, and compressing it would cost time.
                    compression=None,
                    close_timeout=_CLOSE_SECONDS,
                    max_size=_MAX_MESSAGE_BYTES,
                )
            )
        except InvalidStatus as refused:
            answer = refused.response
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            text = (answer.body or b"").decode(errors="replace")
            raise error_of(answer.status_code, headers, text) from refused
        except (InvalidHandshake, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise UnreachableError(f"{server.url} cannot be reached: {reason}.") from error
        yield socket


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs a task for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        # Its failure was raised where it mattered, or is of no use any more.
        await asyncio.gather(task, return_exceptions=True)


async def _refusal(socket: ClientConnection, content: Mapping[str, Any]) -> ClientError:
    """Returns the exception of an `error` event; the close code decides whether to try again."""
    with suppress(ConnectionClosed):
        await socket.recv()
    detail = content.get("error")
    return error_of_event(
        detail if isinstance(detail, Mapping) else {}, busy=socket.close_code == _TRY_AGAIN_LATER
    )


def _content(message: str | bytes) -> dict[str, Any]:
    try:
        content = from_json(message)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise UnexpectedAnswerError("The stream sent what Nordlyd does not: no JSON object.")
    return content


def _url(server: Server, pcm: Pcm, options: Mapping[str, Any], session: str | None) -> str:
    samples = {"encoding": pcm.encoding, "rate": pcm.rate, "channels": pcm.channels}
    query = urlencode(as_fields({**options, **samples, "session": session}))
    # http becomes ws, and https wss.
    return f"ws{server.url.removeprefix('http')}/stream?{query}"
