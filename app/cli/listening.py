"""What listens for the command line: this machine or a server, behind one small protocol."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Protocol

from app.client import LiveEvent, Pcm


class Listening(Protocol):
    """Turns live sound into events."""

    def listen(self, pieces: AsyncIterable[bytes], pcm: Pcm) -> AsyncGenerator[LiveEvent, None]:
        """Tell what is heard, as it is; the last event is `End`.

        Raises:
            NordlydError: it cannot be heard.
        """
