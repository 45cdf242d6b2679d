"""What live protocols say to the streaming engine, and what it says back.

Every time is in seconds from the first sample of the stream.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from app.decoding import DecodingOptions
from app.itn import FormattingOptions


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When an utterance counts as over.

    Args:
        silence_seconds: a pause this long ends it; None never does, only a flush or the end.
        threshold: probability of speech above which a frame counts as speech, 0 to 1.
        prefix_seconds: audio kept before the first speech.
        max_seconds: an utterance this long ends at its next pause between words.
    """

    silence_seconds: float | None = 0.6
    threshold: float = 0.5
    prefix_seconds: float = 0.3
    max_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How one stream wants to be transcribed; as `TranscriptionRequest` where names agree."""

    request_id: str
    model: str | None = None
    language: str | None = None
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    readable: FormattingOptions | None = None
    endpointing: Endpointing = field(default_factory=Endpointing)
    partials: bool = True


@dataclass(frozen=True, slots=True)
class LiveWord:
    """One word; a stable one is never taken back."""

    text: str
    start: float
    end: float
    confidence: float
    stable: bool


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak in utterance `utterance`."""

    utterance: int
    time: float


@dataclass(frozen=True, slots=True)
class PartialResult:
    """What utterance `utterance` says as far as it was heard; the whole of it, each time.

    The stable words come first, and every later result of the utterance begins with them.
    """

    utterance: int
    words: tuple[LiveWord, ...]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.text for word in self.words)

    @property
    def stable_text(self) -> str:
        """The words that are never taken back."""
        return " ".join(word.text for word in self.words if word.stable)


@dataclass(frozen=True, slots=True)
class EndpointReached:
    """Utterance `utterance` is over, by a pause, a flush or the end; its final result follows."""

    utterance: int
    time: float


@dataclass(frozen=True, slots=True)
class FinalResult:
    """What utterance `utterance` said, for good; without words where it was no speech after all.

    `start` and `end` bound the utterance's audio. `formatted_text` is the text made readable,
    where that was asked for. `alternatives` are texts with their scores and words, best first,
    where several were asked for.
    """

    utterance: int
    start: float
    end: float
    words: tuple[LiveWord, ...]
    confidence: float | None
    formatted_text: str | None = None
    alternatives: tuple[tuple[str, float, tuple[LiveWord, ...]], ...] = ()

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.text for word in self.words)


LiveEvent: TypeAlias = SpeechStarted | PartialResult | EndpointReached | FinalResult


class LiveStream(Protocol):
    """One stream of audio; used from the event loop by one task that pushes, one that reads."""

    session: str
    """Names the stream, for a client that connects again."""
    model: str
    """Id of the model that listens."""
    language: str
    """Code of the language that is heard."""

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far; a client that connects again goes on from there."""

    async def push(self, samples: npt.NDArray[np.float32]) -> None:
        """Take 16 kHz mono samples [n]; waits while the machine is behind.

        Raises:
            NordlydError: the stream was finished, or the engine refuses it.
        """

    async def flush(self) -> None:
        """End the utterance now; returns once its final result is among the events."""

    async def finish(self) -> None:
        """Take no more audio; the last events follow and `events` then ends. At most once."""

    def events(self) -> AsyncIterator[LiveEvent]:
        """What there is to tell, in order; raises what went wrong with the stream."""

    async def close(self) -> None:
        """Drop the stream and everything it holds; safe at any time and more than once."""


class LiveStreams(Protocol):
    """All live streams of the service; `parts.live` of the API."""

    async def open(self, options: LiveOptions) -> LiveStream:
        """Begin a stream.

        Raises:
            InvalidRequestError: the options cannot be served.
            UnknownModelError: no such model, or none for that language.
            OverloadedError: as many streams run as the service takes.
            UnavailableError: loading or draining.
        """

    def detach(self, stream: LiveStream) -> None:
        """Keep a stream whose connection broke, for a while, with the events not yet read."""

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        """Take up a stream whose connection broke; an older connection to it ends.

        Args:
            session: its name.
            after: the last utterance whose final result reached the client, -1 for none: later
                ones are told again. None takes all that was read for arrived.

        Raises:
            InvalidRequestError: there is none, or not any more.
        """
