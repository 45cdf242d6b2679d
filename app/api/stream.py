"""WS /stream, the native protocol of live audio; docs/streaming.md describes every message."""

import asyncio
from contextlib import suppress
from typing import Literal

from fastapi import APIRouter, WebSocket
from pydantic import Field
from starlette.websockets import WebSocketDisconnect

from app.api.caller import caller_of
from app.api.errors import error_detail
from app.api.parameters import TextParameters, gather, parse
from app.api.sockets import NORMAL, SUBPROTOCOL, close_code, is_broken
from app.api.state import AppState, AppStateOf
from app.contract.stream import (
    End,
    ErrorDetail,
    ErrorEvent,
    FlushCommand,
    Ready,
    StreamCommand,
    StreamEvent,
    read_command,
)
from app.errors import InvalidRequestError, NordlydError
from app.streaming import (
    Endpointing,
    LiveEvent,
    LiveOptions,
    PcmInput,
    StreamConsumer,
    as_message,
)
from app.untrusted import read_json

# How long audio that a client sent before its connection broke is still read.
_REMAINDER_SECONDS = 1.0

router = APIRouter()


class StreamParameters(TextParameters):
    """The parameters of WS /stream, all in the query."""

    partials: bool = Field(True, description="Whether to tell words while they are being said.")
    encoding: Literal["s16le", "s16be", "f32le", "mulaw", "alaw"] = Field(
        "s16le", description="Of the samples in binary messages."
    )
    rate: int = Field(16_000, description="Samples per second of one channel.")
    channels: int = Field(1, description="Interleaved; their mean is heard.")
    endpoint_silence: float = Field(
        0.6, ge=0.1, le=10, description="A pause of so many seconds ends an utterance."
    )
    vad_threshold: float = Field(
        0.5, gt=0, lt=1, description="Probability above which a frame counts as speech."
    )
    max_utterance: float = Field(
        20.0, ge=2, le=60, description="Seconds after which the next short pause ends one."
    )
    session: str | None = Field(None, description="Goes on with the stream of that name.")
    after: int | None = Field(
        None,
        ge=-1,
        description="With session: the last utterance whose final result came, -1 for none; later "
        "ones are told again.",
    )

    def options(self, request_id: str, *, caller: str = "") -> LiveOptions:
        """Return how to transcribe the stream.

        Raises:
            InvalidRequestError: parameters contradict each other.
        """
        return LiveOptions(
            request_id=request_id,
            caller=caller,
            model=self.model,
            language=self.language,
            decoding=self.decoding(),
            readable=self.readable(),
            endpointing=Endpointing(
                silence_seconds=self.endpoint_silence,
                threshold=self.vad_threshold,
                max_seconds=self.max_utterance,
            ),
            partials=self.partials,
        )


@router.websocket("/stream")
async def stream(socket: WebSocket, parts: AppStateOf) -> None:
    """Transcribe one stream, or continue one whose connection broke."""
    chosen = SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None
    await socket.accept(subprotocol=chosen)
    with suppress(WebSocketDisconnect):
        try:
            await _serve(socket, parts)
        except NordlydError as error:
            socket.state.error_code = error.code
            detail = ErrorDetail(**error_detail(error).model_dump())
            await _send(socket, ErrorEvent(error=detail))
            await socket.close(close_code(error))


async def _serve(socket: WebSocket, parts: AppState) -> None:
    parameters = parse(StreamParameters, gather(socket.query_params.multi_items()))
    pcm = PcmInput(parameters.encoding, parameters.rate, parameters.channels)
    if parameters.session is None:
        live = await parts.live.open(
            parameters.options(socket.state.request_id, caller=caller_of(socket))
        )
    else:
        live = await parts.live.resume(parameters.session, after=parameters.after)

    async def emit(event: LiveEvent) -> None:
        await _send(socket, as_message(event, words=parameters.words))

    broken = False
    try:
        await _send(
            socket,
            Ready(
                session=live.session,
                model=live.model,
                language=live.language,
                received=round(live.received_seconds, 3),
            ),
        )
        consumer = StreamConsumer(live, pcm, emit, max_seconds=parts.settings.live_message_seconds)
        try:
            broken = await _converse(socket, consumer)
        finally:
            await consumer.stop()
    except WebSocketDisconnect as gone:
        # Sending may find the connection closed before receiving does.
        broken = is_broken(gone.code)
    finally:
        if broken:
            parts.live.detach(live)
        else:
            await live.close()


async def _converse(socket: WebSocket, consumer: StreamConsumer) -> bool:
    """Receive and send until either ends; returns whether the connection broke."""
    receiving = asyncio.create_task(_receive(socket, consumer))
    sending = asyncio.create_task(_send_all(socket, consumer))
    try:
        await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            return await receiving
        try:
            await sending
        except WebSocketDisconnect:
            # What the client sent before it was gone is still read, without waiting for room: no
            # reader makes any. There is no client left to send an error to.
            with suppress(NordlydError, TimeoutError):
                async with asyncio.timeout(_REMAINDER_SECONDS):
                    return await receiving
            return True
        return False
    finally:
        for task in (receiving, sending):
            task.cancel()
        await asyncio.gather(receiving, sending, return_exceptions=True)


async def _send_all(socket: WebSocket, consumer: StreamConsumer) -> None:
    """Send the events of the stream, and close."""
    await consumer.wait()
    await _send(socket, End(duration=round(consumer.received_seconds, 3)))
    await socket.close(NORMAL)


async def _receive(socket: WebSocket, consumer: StreamConsumer) -> bool:
    """Process the client's messages until it leaves; returns whether its connection broke."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return is_broken(message.get("code"))
        data = message.get("bytes")
        if data is not None:
            await consumer.accept_waveform(data)
        elif isinstance(_read_command(message["text"]), FlushCommand):
            await consumer.flush()
        else:
            await consumer.finish()


def _read_command(text: str) -> StreamCommand:
    try:
        return read_command(read_json(text))
    except ValueError as error:  # pydantic's errors are ValueErrors too
        raise InvalidRequestError(
            f"The message {text[:100]!r} is not known; accepted: binary messages of samples, "
            'and the texts {"type": "flush"} and {"type": "end"}.'
        ) from error


async def _send(socket: WebSocket, event: StreamEvent) -> None:
    await socket.send_text(event.as_json())
