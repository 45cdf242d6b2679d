"""Raw samples in, live events out: `WS /stream`, taken up again where a connection breaks."""

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
# Only what the server was silent about: any event says that it heard the sound before it.
_KEEP_SECONDS = 600.0
# What a resampler holds back, and a thousandth of a second.
_ROUNDED_SECONDS = 0.02
_TRY_AGAIN_LATER = 1013
# A server that is behind reads the farewell after all the sound before it.
_CLOSE_SECONDS = 1.0
_MAX_MESSAGE_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class Pcm:
    """What raw samples are: s16le, s16be, f32le, mulaw or alaw, at a rate in Hz, interleaved.

    Raises:
        InvalidRequestError: they are none of these.
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
        """The byte at which a time begins."""
        return round(seconds * self.rate) * self.frame_bytes


async def listen(
    server: Server,
    audio: Iterable[bytes] | AsyncIterable[bytes],
    pcm: Pcm,
    options: Mapping[str, Any],
    *,
    retries: Retries,
) -> AsyncGenerator[LiveEvent, None]:
    """Send sound as it comes and yield what is heard, until the sound and the events end.

    Args:
        server: where to.
        audio: raw samples in pieces of any size.
        pcm: what they are.
        options: the other parameters of WS /stream.
        retries: how often a connection is tried; counted anew once it brought something.

    Raises:
        ClientError: the server says no, fails or cannot be reached any more.
    """
    tape = ReplayBuffer(
        pcm.frame_bytes, ahead=pcm.position(_AHEAD_SECONDS), keep=pcm.position(_KEEP_SECONDS)
    )
    session: str | None = None
    attempt = 0
    async with _beside(_record(tape, audio)):
        while True:
            attempt += 1
            url = _url(server, pcm, options, session)
            try:
                async with aclosing(_converse(server, url, tape, pcm)) as events:
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


async def _converse(
    server: Server, url: str, tape: ReplayBuffer, pcm: Pcm
) -> AsyncGenerator[LiveEvent, None]:
    """One connection; ends after `End`."""
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(_connected(server, url))
        while True:
            try:
                message = await socket.recv()
            except ConnectionClosed as closed:
                if tape.failure is not None:
                    raise tape.failure from closed
                raise UnreachableError(f"{server.url} broke the connection: {closed}.") from closed
            content = _content(message)
            if content.get("type") == "error":
                raise await _refusal(socket, content)
            event = read_event(content)
            if event is None:
                continue
            if isinstance(event, Ready):
                tape.rewind(pcm.position(event.received))
                if event.received:
                    tape.skip(pcm.position(_ROUNDED_SECONDS))
                await stack.enter_async_context(_beside(_send(tape, socket)))
            tape.forget(pcm.position(received_until(event)))
            yield event
            if isinstance(event, End):
                return


async def _record(tape: ReplayBuffer, audio: Iterable[bytes] | AsyncIterable[bytes]) -> None:
    try:
        async with aclosing(step_beside(audio)) as pieces:
            async for piece in pieces:
                await tape.add(piece)
    except Exception as error:
        tape.end(error)
    else:
        tape.end()


async def _send(tape: ReplayBuffer, socket: ClientConnection) -> None:
    try:
        while (piece := await tape.take()) is not None:
            await socket.send(piece)
        await socket.send(json.dumps({"type": "end"}))
    except ConnectionClosed:
        # Who reads the connection finds the same, and says why.
        return
    except Exception:
        if tape.failure is None:
            raise
        # Who reads finds the connection closed, and then the failure on the tape.
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
                    # Sound does not shrink, and compressing it would cost time.
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
    """Run something for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        # Its failure was told where it mattered, or nobody asks any more.
        await asyncio.gather(task, return_exceptions=True)


async def _refusal(socket: ClientConnection, content: Mapping[str, Any]) -> ClientError:
    """The error that an `error` event stands for; the code of the close says if it will pass."""
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
    sound = {"encoding": pcm.encoding, "rate": pcm.rate, "channels": pcm.channels}
    query = urlencode(as_fields({**options, **sound, "session": session}))
    # http becomes ws, and https wss.
    return f"ws{server.url.removeprefix('http')}/stream?{query}"
