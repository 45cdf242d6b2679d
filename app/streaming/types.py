"""Options and events of a live stream, and the interfaces on both sides of the streaming engine.

Every time is in seconds from the first sample of the stream.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from app.contract import stream as messages
from app.contract.redaction import Redaction
from app.decoding import DecodingOptions
from app.errors import InvalidRequestError
from app.itn import FormattingOptions
from app.redaction import RedactionOptions

if TYPE_CHECKING:
    from app.pipeline import Transcriber


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When an utterance counts as over.

    Args:
        silence_seconds: a pause this long ends it; None for never, only a flush or the end does.
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
    """How one stream is transcribed; as `TranscriptionRequest` where names agree.

    Attributes:
        caller: who sends the audio: a digest of its key, or its address; empty if unknown.
        diarize: whether final results have speakers.
    """

    request_id: str
    caller: str = ""
    model: str | None = None
    language: str | None = None
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    formatting: FormattingOptions | None = None
    redaction: RedactionOptions | None = None
    endpointing: Endpointing = field(default_factory=Endpointing)
    partials: bool = True
    diarize: bool = False


def live_options(
    options: messages.StreamOptions,
    *,
    decoding: DecodingOptions,
    formatting: FormattingOptions | None,
    redaction: RedactionOptions | None,
    request_id: str,
    caller: str = "",
) -> LiveOptions:
    """Returns how to transcribe a stream with the options of WS /stream.

    Args:
        options: of the client.
        decoding: the decoder's part of them.
        formatting: how to format final texts; None leaves that out.
        redaction: what to mask in them; None masks nothing.
        request_id: for the logs.
        caller: who sends the audio.

    Raises:
        InvalidRequestError: alternatives are requested of texts that are masked.
    """
    if redaction is not None and decoding.n_best > 1:
        raise InvalidRequestError("n_best is above 1; accepted with redact: 1.", param="n_best")
    return LiveOptions(
        request_id=request_id,
        caller=caller,
        model=options.model,
        language=options.language,
        decoding=decoding,
        formatting=formatting,
        redaction=redaction,
        endpointing=Endpointing(
            silence_seconds=options.endpoint_silence,
            threshold=options.vad_threshold,
            max_seconds=options.max_utterance,
        ),
        partials=options.partials,
        diarize=options.diarize,
    )


@dataclass(frozen=True, slots=True)
class LiveWord:
    """One word; a stable one stays in every later result of its utterance."""

    word: str
    start: float
    end: float
    confidence: float
    stable: bool


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Utterance `utterance` began; `time` is its first speech."""

    utterance: int
    time: float


@dataclass(frozen=True, slots=True)
class PartialResult:
    """All words of utterance `utterance` so far.

    The stable words come first, and every later result of the utterance begins with them.
    """

    utterance: int
    words: tuple[LiveWord, ...]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.word for word in self.words)

    @property
    def stable_text(self) -> str:
        """The stable words."""
        return " ".join(word.word for word in self.words if word.stable)


@dataclass(frozen=True, slots=True)
class EndpointReached:
    """Utterance `utterance` is over, by a pause, a flush or the end; its final result follows."""

    utterance: int
    time: float


@dataclass(frozen=True, slots=True)
class FinalResult:
    """The final words of utterance `utterance`; none where there was no speech after all.

    `start` and `end` bound the utterance's audio. `formatted_text` is the text after inverse text
    normalisation, where that was requested. `alternatives` are hypotheses, best first, each with
    its text, score and words, where several were requested. `speaker` is who speaks, where speakers
    are told apart. `redactions` is what was masked, None where nothing could be.
    """

    utterance: int
    start: float
    end: float
    words: tuple[LiveWord, ...]
    confidence: float | None
    formatted_text: str | None = None
    alternatives: tuple[tuple[str, float, tuple[LiveWord, ...]], ...] = ()
    speaker: str | None = None
    redactions: tuple[Redaction, ...] | None = None

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.word for word in self.words)


LiveEvent: TypeAlias = SpeechStarted | PartialResult | EndpointReached | FinalResult


def as_message(event: LiveEvent, *, words: bool = True) -> messages.StreamEvent:
    """Returns the message of WS /stream for an event.

    Args:
        event: of a stream.
        words: whether the message lists the words.
    """
    match event:
        case SpeechStarted(utterance, time):
            return messages.SpeechStart(utterance=utterance, time=_seconds(time))
        case EndpointReached(utterance, time):
            return messages.Endpoint(utterance=utterance, time=_seconds(time))
        case PartialResult():
            partial = messages.Partial(
                utterance=event.utterance, text=event.text, stable=event.stable_text
            )
            listed = tuple(_word(word, stable=word.stable) for word in event.words)
            return partial.model_copy(update={"words": listed}) if words else partial
        case FinalResult():
            return _final(event, words=words)


def _final(event: FinalResult, *, words: bool) -> messages.Final:
    # A field that is not set is not sent.
    optional: dict[str, object] = {}
    if words:
        optional["words"] = tuple(map(_word, event.words))
    if event.formatted_text is not None:
        optional["formatted_text"] = event.formatted_text
    if event.speaker is not None:
        optional["speaker"] = event.speaker
    if event.redactions is not None:
        optional["redactions"] = tuple(
            Redaction(item.kind, _seconds(item.start), _seconds(item.end))
            for item in event.redactions
        )
    if event.alternatives:
        optional["alternatives"] = tuple(
            messages.StreamAlternative(
                text=text,
                score=round(score, 4),
                **({"words": tuple(map(_word, spoken))} if words else {}),
            )
            for text, score, spoken in event.alternatives
        )
    final = messages.Final(
        utterance=event.utterance,
        start=_seconds(event.start),
        end=_seconds(event.end),
        text=event.text,
        confidence=None if event.confidence is None else round(event.confidence, 4),
    )
    return final.model_copy(update=optional)


def _word(word: LiveWord, **stable: bool) -> messages.StreamWord:
    return messages.StreamWord(
        word=word.word,
        start=_seconds(word.start),
        end=_seconds(word.end),
        confidence=round(word.confidence, 4),
        **stable,
    )


def _seconds(value: float) -> float:
    return round(value, 3)


class LiveStream(Protocol):
    """One stream of audio; one task of the event loop pushes audio, one reads events."""

    session: str
    """Names the stream, for a client that connects again."""
    model: str
    """Id of the model that transcribes."""
    language: str
    """Code of the language that is transcribed."""

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far; a client that connects again continues from there."""

    async def push(self, samples: npt.NDArray[np.float32]) -> None:
        """Accepts 16 kHz mono samples [n]; waits while processing is behind.

        Raises:
            NordlydError: the stream has ended, or was taken over.
        """

    async def flush(self) -> None:
        """Ends the utterance now; returns once its final result is among the events."""

    async def finish(self) -> None:
        """Accepts no more audio; the last events follow and `events` then ends. At most once."""

    def events(self) -> AsyncIterator[LiveEvent]:
        """Yields the events in order; raises why the stream failed, if it did."""

    async def close(self) -> None:
        """Drops the stream and everything it holds; safe at any time and more than once."""


class LiveStreams(Protocol):
    """All live streams of the service; `AppState.live`."""

    async def open(self, options: LiveOptions) -> LiveStream:
        """Begins a stream.

        Raises:
            InvalidRequestError: the options cannot be served.
            UnknownModelError: no such model, or none for that language.
            OverloadedError: as many streams run as the service accepts.
            UnavailableError: loading or draining.
        """

    def detach(self, stream: LiveStream) -> None:
        """Keeps a stream whose connection broke, for a while, with its unread events."""

    async def resume(self, session: str, *, after: int | None = None) -> LiveStream:
        """Continues a stream whose connection broke; an older connection to it ends.

        Args:
            session: its name.
            after: the last utterance whose final result reached the client, -1 for none: later
                ones are sent again. None takes every event that was read as received.

        Raises:
            InvalidRequestError: there is no such stream, or not any more.
        """


class Readiness(Protocol):
    """Whether the service accepts new work."""

    @property
    def state(self) -> str:
        """`ready` where it does, `draining` while it stops, or why else it does not."""


class StreamBackend(Protocol):
    """The part of the service that streams run on: routing, and admission of new work."""

    transcriber: "Transcriber"
    """Routes to models."""

    @property
    def readiness(self) -> Readiness:
        """Whether new work is accepted."""

    def check_ready(self) -> None:
        """Does nothing while new work is accepted.

        Raises:
            UnavailableError: it is not.
        """

    def admit(self) -> AbstractContextManager[None]:
        """Keeps the service from stopping until the block ends.

        Raises:
            UnavailableError: no new work is accepted.
        """
