"""What transcribes for the command line: a server, or this machine, behind one interface.

Both answer with the values of the Python client.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from nordlyd_client.errors import UnreadableError
from nordlyd_client.events import LiveEvent
from nordlyd_client.live import Pcm
from nordlyd_client.values import Alignment, Transcription

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of finished parts of a recording, and with the number of all parts."""


@dataclass(frozen=True, slots=True)
class Input:
    """One recording to transcribe.

    Attributes:
        number: its place among all, from 0.
        shown: its path as it was given or found, or `-`.
        path: where it is, absolute; a name in no folder for stdin.
        root: the folder that its argument named, which its place is relative to.
        open: returns its bytes from the beginning; the caller closes the file. Raises OSError.
        size: in bytes; 0 where it is unknown.
        changed: when it was changed last, in nanoseconds since 1970; 0 where it is unknown.
    """

    number: int
    shown: str
    path: Path
    root: Path
    open: Callable[[], BinaryIO]
    size: int = 0
    changed: int = 0


class Backend(Protocol):
    """Turns recordings into text, several at once; cancelling a call ends its work."""

    async def transcribe(self, item: Input, progress: Progress) -> Transcription:
        """Transcribes one recording.

        Raises:
            ClientError: it cannot be transcribed.
        """

    async def align(self, item: Input, text: str) -> Alignment:
        """Finds the words of a text in a recording.

        Raises:
            ClientError: it cannot be aligned.
        """


class LiveBackend(Protocol):
    """Turns live audio into events."""

    def listen(self, pieces: AsyncIterable[bytes], pcm: Pcm) -> AsyncGenerator[LiveEvent, None]:
        """Yields the events of a stream; the last one is `End`.

        Args:
            pieces: raw samples.
            pcm: their encoding.

        Raises:
            ClientError: the audio cannot be transcribed.
        """


def unreadable(error: OSError) -> UnreadableError:
    """Returns the exception for a recording that cannot be opened."""
    return UnreadableError(f"Cannot be read: {error.strerror or error}.", param="file")
