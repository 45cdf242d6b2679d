"""WS /stream: its options, and one model for each event of the server and command of the client.

Audio goes in binary messages; everything else is a JSON object in a text message, and its `type`
selects the model. Times are seconds from the first sample of the stream.
"""

import json
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, TypeAdapter

from .command_line import CommandLine
from .errors import ErrorDetail
from .options import Encoding, TextOptions
from .redaction import Redaction, RedactOptions


class StreamOptions(RedactOptions, TextOptions):
    """The options of WS /stream, all in the query."""

    partials: bool = Field(
        True, description="Whether to send results while an utterance grows; with redact, none are."
    )
    encoding: Encoding = Field("s16le", description="Of the samples in binary messages.")
    rate: int = Field(16_000, description="Samples per second of one channel.")
    channels: int = Field(1, description="Interleaved; they are averaged.")
    endpoint_silence: Annotated[
        float, CommandLine(None, "A pause that long ends an utterance; 0.6.", "SECONDS")
    ] = Field(0.6, ge=0.1, le=10, description="A pause of so many seconds ends an utterance.")
    vad_threshold: Annotated[
        float, CommandLine(None, "Probability above which sound is speech; 0.5.", "X")
    ] = Field(0.5, gt=0, lt=1, description="Probability above which a frame counts as speech.")
    max_utterance: Annotated[
        float, CommandLine(None, "After so long the next short pause ends it; 20.", "SECONDS")
    ] = Field(20.0, ge=2, le=60, description="Seconds after which the next short pause ends one.")
    diarize: Annotated[bool, CommandLine(None, "Tell who speaks: needs the extra `speakers`.")] = (
        Field(False, description="Whether final results have a `speaker`.")
    )
    session: str | None = Field(None, description="Continues the stream of that name.")
    after: int | None = Field(
        None,
        ge=-1,
        description="With session: the last utterance whose final result arrived, -1 for none; "
        "later ones are sent again.",
    )


class _Part(BaseModel):
    """A value inside a message; fields that only a newer server knows are ignored."""

    model_config = ConfigDict(frozen=True)


class _Message(_Part):
    """A message; fields that were not given are left out of its JSON."""

    type: str

    def as_dict(self) -> dict[str, Any]:
        """Returns the JSON object of this message, `type` first."""
        return {"type": self.type, **self.model_dump(exclude_unset=True)}

    def as_json(self) -> str:
        """Returns the text of this message as the service sends it."""
        return json.dumps(self.as_dict(), ensure_ascii=False, separators=(",", ":"))


class StreamWord(_Part):
    """One word of a partial or final result."""

    word: str
    """Its text."""
    start: float
    """Where it begins."""
    end: float
    """Where it ends."""
    confidence: float
    """Probability that it is right, 0 to 1."""
    stable: bool = True
    """Whether every later result of the utterance keeps it; only sent in partial results."""


class StreamAlternative(_Part):
    """One hypothesis of a final result."""

    text: str
    """Its words, joined by spaces."""
    score: float
    """Natural-log score of the decoder; higher is better."""
    words: tuple[StreamWord, ...] = ()
    """Its words; not sent with `words=false`."""


class Ready(_Message):
    """The first event: audio is accepted from now on."""

    type: Literal["ready"] = "ready"
    session: str
    """Names the stream, for a client that has to connect again."""
    model: str
    """Id of the model that transcribes."""
    language: str
    """Code of the language that is transcribed."""
    received: float = 0.0
    """Audio that this stream already has; 0 for a new one."""


class SpeechStart(_Message):
    """An utterance began."""

    type: Literal["speech_start"] = "speech_start"
    utterance: int
    """Number of the utterance, from 0."""
    time: float
    """Where its first speech is."""


class Partial(_Message):
    """The whole text of an utterance so far."""

    type: Literal["partial"] = "partial"
    utterance: int
    """Number of the utterance."""
    text: str
    """All words so far."""
    stable: str = ""
    """The beginning of `text` that every later result of the utterance keeps."""
    words: tuple[StreamWord, ...] = ()
    """All words so far; not sent with `words=false`."""


class Endpoint(_Message):
    """An utterance is over; its `Final` follows."""

    type: Literal["endpoint"] = "endpoint"
    utterance: int
    """Number of the utterance."""
    time: float
    """Where it was found to be over."""


class Final(_Message):
    """The final text of an utterance; empty where there was no speech after all."""

    type: Literal["final"] = "final"
    utterance: int
    """Number of the utterance."""
    start: float
    """Where its audio begins."""
    end: float
    """Where its audio ends."""
    text: str
    """All its words."""
    confidence: float | None = None
    """Mean of the words' confidences; None without words."""
    words: tuple[StreamWord, ...] = ()
    """All its words; not sent with `words=false`."""
    formatted_text: str | None = None
    """The text with sentences and digits; only sent with `format_text=true`."""
    alternatives: tuple[StreamAlternative, ...] = ()
    """The best hypotheses, best first; only sent with `n_best` above 1."""
    speaker: str | None = None
    """Who speaks, as `speaker 1`; only sent with `diarize=true`, and where there are words."""
    redactions: tuple[Redaction, ...] = ()
    """What was masked, in order; only sent with `redact`."""


class End(_Message):
    """The last event: every result was sent."""

    type: Literal["end"] = "end"
    duration: float
    """Seconds of audio that the stream received."""


class ErrorEvent(_Message):
    """Why the service closes the connection; nothing follows."""

    type: Literal["error"] = "error"
    error: ErrorDetail
    """What went wrong."""


class FlushCommand(_Message):
    """Ends the utterance now."""

    type: Literal["flush"] = "flush"


class EndCommand(_Message):
    """Ends the audio; the last events follow."""

    type: Literal["end"] = "end"


StreamEvent: TypeAlias = Ready | SpeechStart | Partial | Endpoint | Final | End | ErrorEvent
StreamCommand: TypeAlias = FlushCommand | EndCommand

EVENT_TYPES = frozenset({"ready", "speech_start", "partial", "endpoint", "final", "end", "error"})
"""The `type` of every event; a newer server may send others, which a client ignores."""


def read_event(message: object) -> StreamEvent:
    """Returns the event that a parsed JSON text of the server is.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _events().validate_python(message)


def read_command(message: object) -> StreamCommand:
    """Returns the command that a parsed JSON text of the client is.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _commands().validate_python(message)


@cache
def _events() -> TypeAdapter[StreamEvent]:
    return TypeAdapter(Annotated[StreamEvent, Discriminator("type")])


@cache
def _commands() -> TypeAdapter[StreamCommand]:
    return TypeAdapter(Annotated[StreamCommand, Discriminator("type")])
