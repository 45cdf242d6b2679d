"""WS /stream, the native protocol of live audio: PCM in, JSON of what is heard out.

docs/streaming.md describes every message.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any, Literal

from fastapi import APIRouter, WebSocket
from pydantic import Field
from starlette.websockets import WebSocketDisconnect

from app.api.errors import error_detail
from app.api.parameters import gather
from app.api.sockets import NORMAL, SUBPROTOCOL, close_code, is_broken
from app.api.state import AppState, AppStateOf
from app.contract.options import TextOptions
from app.errors import InvalidRequestError, NordlydError
from app.pipeline.options import decoding_options, formatting_options, parse_options
from app.streaming import (
    Endpointing,
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveStream,
    LiveWord,
    PartialResult,
    PcmInput,
    SpeechStarted,
    decoded,
)
from app.untrusted import read_json

# For audio that had arrived when its connection broke.
_REMAINDER_SECONDS = 1.0

router = APIRouter()


class StreamParameters(TextOptions):
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

    def options(self, request_id: str) -> LiveOptions:
        """How the stream is to be transcribed.

        Raises:
            InvalidRequestError: parameters contradict each other.
        """
        return LiveOptions(
            request_id=request_id,
            model=self.model,
            language=self.language,
            decoding=decoding_options(self),
            readable=formatting_options(self),
            endpointing=Endpointing(
                silence_seconds=self.endpoint_silence,
                threshold=self.vad_threshold,
                max_seconds=self.max_utterance,
            ),
            partials=self.partials,
        )


@router.websocket("/stream")
async def stream(socket: WebSocket, parts: AppStateOf) -> None:
    """Hear one stream, or go on with one whose connection broke."""
    chosen = SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None
    await socket.accept(subprotocol=chosen)
    with suppress(WebSocketDisconnect):
        try:
            await _serve(socket, parts)
        except NordlydError as error:
            socket.state.error_code = error.code
            await _send(socket, {"type": "error", "error": error_detail(error).model_dump()})
            await socket.close(close_code(error))


async def _serve(socket: WebSocket, parts: AppState) -> None:
    parameters = parse_options(StreamParameters, gather(socket.query_params.multi_items()))
    pcm = PcmInput(parameters.encoding, parameters.rate, parameters.channels)
    if parameters.session is None:
        live = await parts.live.open(parameters.options(socket.state.request_id))
    else:
        live = await parts.live.resume(parameters.session, after=parameters.after)
    broken = False
    try:
        await _send(
            socket,
            {
                "type": "ready",
                "session": live.session,
                "model": live.model,
                "language": live.language,
                "received": _seconds(live.received_seconds),
            },
        )
        broken = await _converse(
            socket,
            live,
            pcm,
            words=parameters.words,
            most_seconds=parts.settings.live_message_seconds,
        )
    except WebSocketDisconnect as gone:
        # Telling may find out before listening does.
        broken = is_broken(gone.code)
    finally:
        if broken:
            parts.live.detach(live)
        else:
            await live.close()


async def _converse(
    socket: WebSocket, live: LiveStream, pcm: PcmInput, *, words: bool, most_seconds: float
) -> bool:
    """Listen and tell at once until either ends; True if the connection broke."""
    listening = asyncio.create_task(_listen(socket, live, pcm, most_seconds))
    telling = asyncio.create_task(_tell(socket, live, words=words))
    try:
        await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            try:
                await telling
            except WebSocketDisconnect:
                # What the client sent before it was gone is still read, without waiting for
                # room: no reader makes any. There is no client left to send an error to.
                with suppress(NordlydError, TimeoutError):
                    async with asyncio.timeout(_REMAINDER_SECONDS):
                        return await listening
                return True
            return False
        return await listening
    finally:
        for task in (listening, telling):
            task.cancel()
        await asyncio.gather(listening, telling, return_exceptions=True)


async def _listen(socket: WebSocket, live: LiveStream, pcm: PcmInput, most_seconds: float) -> bool:
    """Take what the client says until it leaves; True if its connection broke."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return is_broken(message.get("code"))
        data = message.get("bytes")
        # A stream that takes no more says why after its last events, which `_tell` then sends.
        if data is not None:
            async for samples in decoded(pcm, data, most_seconds=most_seconds):
                with suppress(NordlydError):
                    await live.push(samples)
            continue
        command = _command(message["text"])
        with suppress(NordlydError):
            await live.push(pcm.flush())
            if command == "flush":
                await live.flush()
            elif command == "end":
                await live.finish()


def _command(text: str) -> str:
    try:
        command = read_json(text)
    except ValueError:
        command = None
    kind = command.get("type") if isinstance(command, dict) else None
    # A tuple: what came may be a list, which has no place in a set.
    if kind not in ("flush", "end"):
        raise InvalidRequestError(
            f"The message {text[:100]!r} is not known; accepted: binary messages of samples, "
            'and the texts {"type": "flush"} and {"type": "end"}.'
        )
    return str(kind)


async def _tell(socket: WebSocket, live: LiveStream, *, words: bool) -> None:
    async for event in live.events():
        await _send(socket, _body(event, words=words))
    await _send(socket, {"type": "end", "duration": _seconds(live.received_seconds)})
    await socket.close(NORMAL)


async def _send(socket: WebSocket, body: dict[str, Any]) -> None:
    await socket.send_text(json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _body(event: LiveEvent, *, words: bool) -> dict[str, Any]:
    """An event as it is sent."""
    match event:
        case SpeechStarted(utterance, time):
            return {"type": "speech_start", "utterance": utterance, "time": _seconds(time)}
        case EndpointReached(utterance, time):
            return {"type": "endpoint", "utterance": utterance, "time": _seconds(time)}
        case PartialResult():
            body: dict[str, Any] = {
                "type": "partial",
                "utterance": event.utterance,
                "text": event.text,
                "stable": event.stable_text,
            }
            if words:
                body["words"] = [_word(word) | {"stable": word.stable} for word in event.words]
            return body
        case FinalResult():
            return _final(event, words=words)


def _final(event: FinalResult, *, words: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "final",
        "utterance": event.utterance,
        "start": _seconds(event.start),
        "end": _seconds(event.end),
        "text": event.text,
        "confidence": None if event.confidence is None else round(event.confidence, 4),
    }
    if words:
        body["words"] = [_word(word) for word in event.words]
    if event.formatted_text is not None:
        body["formatted_text"] = event.formatted_text
    if event.alternatives:
        body["alternatives"] = [
            {"text": text, "score": round(score, 4)}
            | ({"words": [_word(word) for word in found]} if words else {})
            for text, score, found in event.alternatives
        ]
    return body


def _word(word: LiveWord) -> dict[str, Any]:
    return {
        "word": word.text,
        "start": _seconds(word.start),
        "end": _seconds(word.end),
        "confidence": round(word.confidence, 4),
    }


def _seconds(value: float) -> float:
    return round(value, 3)
