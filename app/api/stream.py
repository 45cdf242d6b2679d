"""WS /stream, the native protocol of live audio; docs/streaming.md describes every message."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from app.api.auth import caller_of
from app.api.errors import error_detail
from app.api.requested import gather
from app.api.sockets import NORMAL, SUBPROTOCOL, close_code, is_broken
from app.api.state import AppState, AppStateOf
from app.contract.stream import (
    End,
    ErrorEvent,
    FlushCommand,
    Ready,
    StreamCommand,
    StreamEvent,
    StreamOptions,
    read_command,
)
from app.errors import InvalidRequestError, NordlydError
from app.pipeline.options import (
    decoding_options,
    formatting_options,
    parse_options,
    redaction_options,
)
from app.streaming import (
    LiveEvent,
    PcmInput,
    StreamConsumer,
    as_message,
    live_options,
)
from app.untrusted import read_json

# How long audio that a client sent before its connection broke is still read.
_REMAINDER_SECONDS = 1.0

router = APIRouter()


@router.websocket("/stream")
async def stream(socket: WebSocket, state: AppStateOf) -> None:
    """Transcribes one stream, or continues one whose connection broke."""
    chosen = SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None
    await socket.accept(subprotocol=chosen)
    with suppress(WebSocketDisconnect):
        try:
            await _serve(socket, state)
        except NordlydError as error:
            socket.state.error_code = error.code
            await _send(socket, ErrorEvent(error=error_detail(error)))
            await socket.close(close_code(error))


async def _serve(socket: WebSocket, state: AppState) -> None:
    options = parse_options(StreamOptions, gather(socket.query_params.multi_items()))
    pcm = PcmInput(options.encoding, options.rate, options.channels)
    if options.session is None:
        live = await state.live.open(
            live_options(
                options,
                decoding=decoding_options(options),
                formatting=formatting_options(options),
                redaction=redaction_options(options),
                request_id=socket.state.request_id,
                caller=caller_of(socket),
            )
        )
    else:
        live = await state.live.resume(options.session, after=options.after)

    async def emit(event: LiveEvent) -> None:
        await _send(socket, as_message(event, words=options.words))

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
        consumer = StreamConsumer(live, pcm, emit, max_seconds=state.settings.live_message_seconds)
        try:
            broken = await _converse(socket, consumer)
        finally:
            await consumer.stop()
    except WebSocketDisconnect as gone:
        # Sending may find the connection closed before receiving does.
        broken = is_broken(gone.code)
    finally:
        if broken:
            state.live.detach(live)
        else:
            await live.close()


async def _converse(socket: WebSocket, consumer: StreamConsumer) -> bool:
    """Receives and sends until either ends; returns whether the connection broke."""
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
    """Sends the events of the stream, and closes."""
    await consumer.wait()
    await _send(socket, End(duration=round(consumer.received_seconds, 3)))
    await socket.close(NORMAL)


async def _receive(socket: WebSocket, consumer: StreamConsumer) -> bool:
    """Processes the client's messages until it leaves; returns whether its connection broke."""
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
