"""Buffers audio for sending, and keeps what was sent, for a connection that breaks and is resumed.

A resumed server reports how much audio it has received.
"""

import asyncio
from collections import deque

from nordlyd_client.errors import RefusedError

_PIECE_BYTES = 32_768


class ReplayBuffer:
    """Raw samples that wait to be sent, and those that were sent, for a while.

    Used on one event loop, by one task that adds, one that takes and one that forgets.

    Args:
        frame_bytes: of one sample of all channels; every piece taken is a multiple of it.
        ahead: bytes that may wait to be taken.
        keep: bytes that are kept at most after they were taken.
    """

    def __init__(self, frame_bytes: int, *, ahead: int, keep: int) -> None:
        self._frame_bytes = frame_bytes
        self._piece_bytes = max(frame_bytes, _PIECE_BYTES - _PIECE_BYTES % frame_bytes)
        self._ahead = ahead
        self._keep = keep
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._taken = 0
        self._odd = b""
        self._ended = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    @property
    def failure(self) -> Exception | None:
        """The exception of the source, once all audio before it was taken."""
        return None if self._waiting else self._error

    async def add(self, audio: bytes) -> None:
        """Adds audio; waits while too much waits to be taken."""
        audio = self._odd + audio
        whole = len(audio) - len(audio) % self._frame_bytes
        self._odd = audio[whole:]
        for start in range(0, whole, self._piece_bytes):
            while self._waiting_bytes >= self._ahead:
                await self._change()
            piece = audio[start : min(start + self._piece_bytes, whole)]
            self._waiting.append(piece)
            self._waiting_bytes += len(piece)
            self._changed.set()

    def end(self, error: Exception | None = None) -> None:
        """Ends the audio, since the source ended or failed."""
        self._ended = True
        self._error = error
        self._changed.set()

    async def take(self) -> bytes | None:
        """Returns the next piece; None once all was taken and the audio has ended.

        Raises:
            Exception: of the source, once all audio before it was taken.
        """
        while not self._waiting:
            if self.failure is not None:
                raise self.failure
            if self._ended:
                return None
            await self._change()
        piece = self._waiting.popleft()
        self._waiting_bytes -= len(piece)
        self._kept.append(piece)
        self._kept_bytes += len(piece)
        self._taken += len(piece)
        self.forget(self._taken - self._keep)
        self._changed.set()
        return piece

    def forget(self, position: int) -> None:
        """Drops all sent audio that ends before this byte."""
        while self._kept and self._taken - self._kept_bytes + len(self._kept[0]) <= position:
            self._kept_bytes -= len(self._kept.popleft())

    def rewind(self, position: int) -> None:
        """Goes back: audio is taken from this byte on again.

        Raises:
            RefusedError: that audio is no longer kept.
        """
        if position < self._taken - self._kept_bytes:
            raise RefusedError(
                f"The stream cannot continue: the server has received {position:,} bytes, and "
                f"the audio before byte {self._taken - self._kept_bytes:,} is no longer kept.",
                param="session",
            )
        while self._taken > position:
            piece = self._kept.pop()
            self._kept_bytes -= len(piece)
            self._taken -= len(piece)
            received = piece[: max(0, position - self._taken)]
            if received:
                self._kept.append(received)
                self._kept_bytes += len(received)
                self._taken += len(received)
            self._waiting.appendleft(piece[len(received) :])
            self._waiting_bytes += len(piece) - len(received)

    def skip(self, max_bytes: int) -> None:
        """Counts the rest as sent if the audio has ended and at most so many bytes are left.

        A server that has received everything reports it in rounded seconds.
        """
        if self._ended and self._waiting_bytes <= max_bytes:
            self._taken += self._waiting_bytes
            self._waiting.clear()
            self._kept.clear()
            self._waiting_bytes = self._kept_bytes = 0

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
