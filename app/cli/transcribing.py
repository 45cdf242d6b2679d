"""What transcribes for the command line: this machine or a server, behind one small protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.cli.inputs import Input
from app.contract.answers import Alignment, Transcript
from app.errors import AudioError

# EventQueue how many of how many parts of a recording are done.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A transcript, and the JSON that POST /transcribe answers with."""

    transcript: Transcript
    body: str


@dataclass(frozen=True, slots=True)
class Aligned:
    """An alignment, and the JSON that POST /align answers with."""

    transcript: Alignment
    body: str


class Transcribing(Protocol):
    """Turns recordings into text, several at once; cancelling a call ends its work."""

    async def transcribe(self, item: Input, progress: Progress) -> Transcribed:
        """Transcribe one recording.

        Raises:
            NordlydError: it cannot be transcribed.
        """

    async def align(self, item: Input, text: str) -> Aligned:
        """Find the words of a text in a recording.

        Raises:
            NordlydError: it cannot be aligned.
        """


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for every recording, as the API names it and in its words."""

    language: str | None
    model: str | None
    fields: Mapping[str, str]


def unreadable(error: OSError) -> AudioError:
    """What is said of a recording that cannot be opened."""
    return AudioError(f"Cannot be read: {error.strerror or error}.", param="file")
