"""JSON of the server in, small frozen values out; the field names are the server's.

Every time is in seconds from the start of the audio, every confidence in 0..1.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from nordlyd_client.errors import UnexpectedAnswerError

_T = TypeVar("_T")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Word:
    """One word."""

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that belong together between two pauses."""

    id: int
    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several readings; `score` is a natural-log score that ranks them."""

    text: str
    score: float
    words: tuple[Word, ...] = ()
    formatted_text: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that each stage took on the server."""

    queue: float
    decode_audio: float
    encode: float
    decode_text: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class Track:
    """One audio track of a file; `index` counts from 0, `rate` is in Hz."""

    index: int
    codec: str
    channels: int
    rate: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AudioFile:
    """What a recording's file is, and the index of the track that was read."""

    container: str
    codec: str
    channels: int
    rate: int
    tracks: tuple[Track, ...]
    track: int


@dataclass(frozen=True, slots=True)
class AnswerWarning:
    """Something to know about the recording or the request; `code` is for programs."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was said in a recording of `duration` seconds.

    `audio` describes the file and `warnings` what there is to know about it; an older server sends
    neither. The `formatted_…` fields are there where `format_text` asked for them, `alternatives`
    where `n_best` did. `body` is the answer as it came, as JSON.
    """

    text: str
    words: tuple[Word, ...]
    segments: tuple[Segment, ...]
    confidence: float | None
    language: str
    model: str
    duration: float
    decoder: str
    lm: str | None
    timing: Timing
    request_id: str
    formatted_text: str | None = None
    formatted_words: tuple[Word, ...] | None = None
    formatted_segments: tuple[Segment, ...] | None = None
    alternatives: tuple[Alternative, ...] = ()
    audio: AudioFile | None = None
    warnings: tuple[AnswerWarning, ...] = ()
    body: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class AlignedCharacter:
    """One character of a word, or one number in it."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word as it was written; without times where it is not said."""

    word: str
    start: float | None
    end: float | None
    score: float
    found: bool
    characters: tuple[AlignedCharacter, ...] = ()


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the words of a text are in a recording; `body` is the answer as it came."""

    words: tuple[AlignedWord, ...]
    language: str
    model: str
    duration: float
    timing: Timing
    request_id: str
    audio: AudioFile | None = None
    warnings: tuple[AnswerWarning, ...] = ()
    body: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model the server has loaded."""

    id: str
    hub: str | None
    languages: tuple[str, ...]
    device: str
    dtype: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Audio that waits or runs, in seconds; above the limit requests are refused."""

    seconds: float
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class Health:
    """What runs there; `state` is loading, ready, draining, hung or failed."""

    version: str
    state: str
    reason: str | None
    models: tuple[ModelInfo, ...]
    queue: Queue


TRANSCRIPTION = TypeAdapter(Transcription)
ALIGNMENT = TypeAdapter(Alignment)
HEALTH = TypeAdapter(Health)


def read_value(kind: TypeAdapter[_T], text: str, *, request_id: str | None = None) -> _T:
    """Read one of the values above; fields that a newer server adds are passed over.

    Raises:
        UnexpectedAnswerError: it is something else.
    """
    try:
        content: Any = from_json(text)
        return kind.validate_python(
            {**content, "body": text} if isinstance(content, dict) else content
        )
    except ValidationError as error:
        reason = "; ".join(
            f"{'.'.join(map(str, issue['loc']))}: {issue['msg']}"
            for issue in error.errors(include_url=False)
        )
    except ValueError:
        reason = f"it is no JSON: {' '.join(text.split())}"
    raise UnexpectedAnswerError(
        f"The answer is not what Nordlyd sends: {reason[:_SHOWN]}", request_id=request_id
    )
