"""Pieces of sound in, the same out for sending; what may be lost on the way is kept.

Written for a connection that breaks and is taken up again: the server then says how far it heard.
"""

import asyncio
from collections import deque

from nordlyd_client.errors import RefusedError

_PIECE_BYTES = 32_768


class ReplayBuffer:
    """Raw samples as they come in: those that wait to be sent, and those that were, for a while.

    Used on one event loop, by one task that adds, one that takes and one that forgets.

    Args:
        frame_bytes: of one sample of all channels; what is taken are multiples of it.
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
        """What the source failed with, once all before it was taken."""
        return None if self._waiting else self._error

    async def add(self, sound: bytes) -> None:
        """Record some sound; waits while too much waits to be taken."""
        sound = self._odd + sound
        whole = len(sound) - len(sound) % self._frame_bytes
        self._odd = sound[whole:]
        for start in range(0, whole, self._piece_bytes):
            while self._waiting_bytes >= self._ahead:
                await self._change()
            piece = sound[start : min(start + self._piece_bytes, whole)]
            self._waiting.append(piece)
            self._waiting_bytes += len(piece)
            self._changed.set()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will be added, since the source ended or failed."""
        self._ended = True
        self._error = error
        self._changed.set()

    async def take(self) -> bytes | None:
        """The next piece; None once all was taken and nothing more comes.

        Raises:
            Exception: what the source failed with, once all before it was taken.
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
        """Keep nothing that ends before this byte."""
        while self._kept and self._taken - self._kept_bytes + len(self._kept[0]) <= position:
            self._kept_bytes -= len(self._kept.popleft())

    def rewind(self, position: int) -> None:
        """Take from this byte on again.

        Raises:
            RefusedError: that is not kept any more.
        """
        if position < self._taken - self._kept_bytes:
            raise RefusedError(
                f"The stream cannot go on: the server has heard {position:,} bytes of it, and "
                f"what came before byte {self._taken - self._kept_bytes:,} is gone.",
                param="session",
            )
        while self._taken > position:
            piece = self._kept.pop()
            self._kept_bytes -= len(piece)
            self._taken -= len(piece)
            heard = piece[: max(0, position - self._taken)]
            if heard:
                self._kept.append(heard)
                self._kept_bytes += len(heard)
                self._taken += len(heard)
            self._waiting.appendleft(piece[len(heard) :])
            self._waiting_bytes += len(piece) - len(heard)

    def skip(self, most: int) -> None:
        """Take the rest for sent if everything was added and no more than so many bytes are left.

        A server that has heard all tells it in rounded seconds.
        """
        if self._ended and self._waiting_bytes <= most:
            self._taken += self._waiting_bytes
            self._waiting.clear()
            self._kept.clear()
            self._waiting_bytes = self._kept_bytes = 0

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
