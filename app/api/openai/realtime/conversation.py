"""What one client of the Realtime API sends in, what it is to be told out, until it leaves."""

import json
from collections.abc import Sequence

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

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
from app.api.openai.realtime.turns import Listening, Order, Outlet, Turns
from app.api.sockets import close_code
from app.api.state import AppState
from app.audio import Samples
from app.errors import NordlydError, OverloadedError, UnavailableError
from app.streaming import decoded

_SHORTEST_SECONDS = 0.1


class Conversation:
    """One connection.

    Args:
        socket: accepted.
        parts: what listens.
        session: its settings to begin with.
    """

    def __init__(self, socket: WebSocket, parts: AppState, session: Session) -> None:
        self._socket = socket
        self._live = parts.live
        self._transcriber = parts.service.transcriber
        self._most_seconds = parts.settings.live_message_seconds
        self._session = session
        self._id = new_id("sess")
        self._pcm = session.pcm()
        self._order = Order()
        self._outlet = Outlet(self._tell, self._leave, socket.state.request_id)
        self._listening: Listening | None = None
        self._seconds = 0.0

    async def run(self) -> None:
        """Answer every event until the client leaves."""
        await self._tell([self._about_session("session.created")])
        try:
            while (text := await self._receive()) is not None:
                await self._answer(text)
        finally:
            if self._listening is not None:
                await self._listening.drop()

    async def _receive(self) -> str | None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return None
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return message["bytes"].decode(errors="replace") if text is None else text

    async def _answer(self, text: str) -> None:
        try:
            read = read_event(text)
            match read["type"]:
                case "session.update":
                    await self._update(read)
                case "input_audio_buffer.append":
                    await self._hear(read_audio(read))
                case "input_audio_buffer.commit":
                    await self._commit()
                case _:
                    await self._clear()
        except NordlydError as error:
            await self._tell([error_event(error, event_id(text))])
            await self._leave(error)

    async def _update(self, read: Event) -> None:
        session = updated(self._session, read.get("session"))
        # What no model can do is told before anything is changed.
        session.options(self._outlet.request_id, self._transcriber)
        before, after = self._session.heard, session.heard
        if before.format != after.format:
            await self._push_rest()
            self._pcm = session.pcm()
        listening = self._listening
        changed = before.model_copy(update={"format": after.format}) != after or (
            session.logprobs != self._session.logprobs
        )
        # What a client has not committed yet is heard to its end as it was begun.
        if listening is not None and listening.detected and changed:
            await self._push_rest()
            await listening.finish()
            self._retire()
        self._session = session
        await self._tell([self._about_session("session.updated")])

    async def _hear(self, audio: bytes) -> None:
        async for samples in decoded(self._pcm, audio, most_seconds=self._most_seconds):
            await self._append(samples)

    async def _append(self, samples: Samples) -> None:
        listening = self._listening
        if listening is None or listening.over:
            self._retire()
            listening = await self._listen(listening)
        try:
            await listening.push(samples)
        except NordlydError:
            await listening.settle()
            if listening.failure is None:
                # It ended only for want of audio, which has come now.
                await self._append(samples)

    async def _commit(self) -> None:
        await self._push_rest()
        listening = self._listening
        seconds = listening.uncommitted_seconds if listening is not None else 0.0
        if listening is None or seconds < _SHORTEST_SECONDS:
            raise EmptyCommitError(
                f"There are {seconds * 1000:.0f} ms of audio to commit; accepted: "
                f"{_SHORTEST_SECONDS * 1000:.0f} ms or more."
            )
        await listening.commit()
        self._retire()

    async def _clear(self) -> None:
        if self._listening is not None:
            await self._listening.drop()
            self._retire()
        self._pcm = self._session.pcm()
        await self._tell([event("input_audio_buffer.cleared")])

    async def _listen(self, before: Listening | None) -> Listening:
        options = self._session.options(self._outlet.request_id, self._transcriber)
        detection = self._session.heard.turn_detection
        turns = Turns(
            detected=detection is not None,
            prefix=options.endpointing.prefix_seconds,
            logprobs=self._session.logprobs,
            offset=self._seconds,
        )
        stream = await self._live.open(options)
        self._listening = Listening(stream, turns, self._order, self._outlet, before)
        return self._listening

    def _retire(self) -> None:
        if self._listening is not None:
            self._seconds += self._listening.seconds
            self._listening = None

    async def _push_rest(self) -> None:
        """Push what the resampler holds back."""
        rest = self._pcm.flush()
        if len(rest) and self._listening is not None:
            await self._append(rest)

    def _about_session(self, name: str) -> Event:
        return event(name, session=self._session.body(self._id))

    async def _tell(self, events: Sequence[Event]) -> None:
        for told in events:
            text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            try:
                # Half a surrogate pair, which JSON may hold, is no text that can be sent.
                await self._socket.send_text(text.encode(errors="replace").decode())
            except (WebSocketDisconnect, RuntimeError):
                return  # It is gone; `run` is told so next.

    async def _leave(self, error: NordlydError) -> None:
        """Close the connection after an error that only time can help."""
        self._socket.state.error_code = error.code
        if isinstance(error, OverloadedError | UnavailableError):
            try:
                await self._socket.close(close_code(error))
            except (WebSocketDisconnect, RuntimeError):
                return
