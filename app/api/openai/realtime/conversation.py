"""One connection of OpenAI's Realtime API: processes the client's events until it leaves."""

import json
from collections.abc import Sequence

from fastapi import WebSocket
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect, WebSocketState

from app.api.auth import caller_of
from app.api.openai.realtime.events import (
    EmptyCommitError,
    Event,
    error_event,
    event,
    event_id,
    new_id,
    read_audio,
    read_event,
)
from app.api.openai.realtime.session import Session, updated
from app.api.openai.realtime.turns import Order, Outlet, TurnOptions, TurnStream
from app.api.sockets import close_code
from app.api.state import AppState
from app.audio import Samples
from app.errors import NordlydError, OverloadedError, StreamIdleError, UnavailableError
from app.streaming import MessageReader, decoded

_MIN_COMMIT_SECONDS = 0.1


class Conversation:
    """One connection.

    Args:
        socket: accepted.
        state: of the service.
        session: its settings to begin with.
    """

    def __init__(self, socket: WebSocket, state: AppState, session: Session) -> None:
        self._socket = socket
        self._live = state.live
        self._transcriber = state.service.transcriber
        self._max_seconds = state.settings.live_message_seconds
        self._messages: MessageReader[Message] = MessageReader(
            socket.receive, idle_seconds=state.settings.live_idle_seconds
        )
        self._session = session
        self._id = new_id("sess")
        self._pcm = session.pcm()
        self._order = Order()
        self._outlet = Outlet(self._emit, self._leave, socket.state.request_id)
        self._stream: TurnStream | None = None
        self._earlier_seconds = 0.0

    async def run(self) -> None:
        """Processes every event until the client leaves or is idle."""
        await self._emit([self._session_event("session.created")])
        try:
            while (text := await self._receive()) is not None:
                await self._process(text)
        except StreamIdleError as error:
            await self._emit([error_event(error, None)])
            await self._leave(error)
        finally:
            await self._messages.close()
            if self._stream is not None:
                await self._stream.drop()

    async def _receive(self) -> str | None:
        """Waits for the next event of the client; returns None once it has left."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return None
        message = await self._messages.next(self._stream.ended if self._stream else None)
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return message["bytes"].decode(errors="replace") if text is None else text

    async def _process(self, text: str) -> None:
        try:
            read = read_event(text)
            match read["type"]:
                case "session.update":
                    await self._update(read)
                case "input_audio_buffer.append":
                    await self._accept_waveform(read_audio(read))
                case "input_audio_buffer.commit":
                    await self._commit()
                case _:
                    await self._clear()
        except NordlydError as error:
            await self._emit([error_event(error, event_id(text))])
            await self._leave(error)

    async def _update(self, read: Event) -> None:
        session = updated(self._session, read.get("session"))
        # Settings that no model can serve are refused before anything changes.
        session.options(self._outlet.request_id, self._transcriber)
        before, after = self._session.input, session.input
        if before.format != after.format:
            await self._push_rest()
            self._pcm = session.pcm()
        stream = self._stream
        changed = before.model_copy(update={"format": after.format}) != after or (
            session.logprobs != self._session.logprobs
        )
        # Audio that is not committed yet is transcribed with the settings it began with.
        if stream is not None and stream.detected and changed:
            await self._push_rest()
            await stream.finish()
            self._retire()
        self._session = session
        await self._emit([self._session_event("session.updated")])

    async def _accept_waveform(self, audio: bytes) -> None:
        async for samples in decoded(self._pcm, audio, max_seconds=self._max_seconds):
            await self._push(samples)

    async def _push(self, samples: Samples) -> None:
        stream = self._stream
        if stream is None or stream.ended.done():
            self._retire()
            stream = await self._open(stream)
        if not await stream.push(samples):
            await stream.settle()
            if stream.failure is None:
                # It ended only for want of audio, which has arrived now.
                await self._push(samples)

    async def _commit(self) -> None:
        await self._push_rest()
        stream = self._stream
        seconds = stream.uncommitted_seconds if stream is not None else 0.0
        if stream is None or seconds < _MIN_COMMIT_SECONDS:
            raise EmptyCommitError(
                f"There are {seconds * 1000:.0f} ms of audio to commit; accepted: "
                f"{_MIN_COMMIT_SECONDS * 1000:.0f} ms or more."
            )
        await stream.commit()
        self._retire()

    async def _clear(self) -> None:
        if self._stream is not None:
            await self._stream.drop()
            self._retire()
        self._pcm = self._session.pcm()
        await self._emit([event("input_audio_buffer.cleared")])

    async def _open(self, before: TurnStream | None) -> TurnStream:
        options = self._session.options(
            self._outlet.request_id, self._transcriber, caller=caller_of(self._socket)
        )
        turns = TurnOptions(
            detected=self._session.input.turn_detection is not None,
            prefix=options.endpointing.prefix_seconds,
            logprobs=self._session.logprobs,
            offset=self._earlier_seconds,
        )
        self._stream = TurnStream(
            await self._live.open(options),
            self._pcm,
            turns,
            self._order,
            self._outlet,
            before=before,
            max_seconds=self._max_seconds,
        )
        return self._stream

    def _retire(self) -> None:
        if self._stream is not None:
            self._earlier_seconds += self._stream.seconds
            self._stream = None

    async def _push_rest(self) -> None:
        """Pushes what the resampler holds back."""
        rest = self._pcm.flush()
        if len(rest) and self._stream is not None:
            await self._push(rest)

    def _session_event(self, name: str) -> Event:
        return event(name, session=self._session.body(self._id))

    async def _emit(self, events: Sequence[Event]) -> None:
        for sent in events:
            text = json.dumps(sent, ensure_ascii=False, separators=(",", ":"))
            try:
                # Half a surrogate pair, which JSON may hold, is no text that can be sent.
                await self._socket.send_text(text.encode(errors="replace").decode())
            except (WebSocketDisconnect, RuntimeError):
                return  # The client has disconnected; `run` receives that next.

    async def _leave(self, error: NordlydError) -> None:
        """Closes the connection after an error that no other event of the client can help."""
        self._socket.state.error_code = error.code
        if isinstance(error, OverloadedError | UnavailableError | StreamIdleError):
            try:
                await self._socket.close(close_code(error))
            except (WebSocketDisconnect, RuntimeError):
                return
