"""The answers of POST /transcribe and POST /align: the service makes them, a client reads them.

Values are exact in memory; times and probabilities are rounded where they are written as JSON. The
titles of the models name their schemas on the OpenAPI page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, PlainSerializer, TypeAdapter

from .examples import FULL_TRANSCRIPT, TRANSCRIPT


def _rounded(digits: int) -> Callable[[float], float]:
    return lambda value: round(value, digits)


Seconds: TypeAlias = Annotated[float, PlainSerializer(_rounded(3), return_type=float)]
"""A time or a length in seconds, written to the millisecond."""
StageSeconds: TypeAlias = Annotated[float, PlainSerializer(_rounded(4), return_type=float)]
"""How long something took, in seconds, written to a tenth of a millisecond."""
Score: TypeAlias = Annotated[float, PlainSerializer(_rounded(4), return_type=float)]
"""A natural-log score."""
Confidence: TypeAlias = Annotated[
    float, PlainSerializer(_rounded(4), return_type=Annotated[float, Field(ge=0, le=1)])
]
"""A probability from 0 to 1."""


_ON_REQUEST = Field(exclude_if=lambda value: value is None)
"""Leaves a field out of the JSON where it was not requested."""

SpeakerLabel: TypeAlias = Annotated[str | None, _ON_REQUEST]
"""One of the labels in `speakers`; None where speakers are not told apart."""


def _config(title: str, *examples: JsonValue) -> ConfigDict:
    return ConfigDict(
        title=title,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": list(examples)} if examples else None,
    )


@dataclass(frozen=True, slots=True)
class Word:
    """One word; times in seconds from the start of the audio."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("WordBody")

    word: str
    """The word as spoken, or as written in a formatted text."""
    start: Seconds
    """When it begins."""
    end: Seconds
    """When it ends."""
    confidence: Annotated[
        Confidence,
        Field(
            description="How likely the word is right: calibrated where the model has a "
            "calibration, the word's posterior otherwise."
        ),
    ]
    speaker: SpeakerLabel = None
    """Who says it, one of `speakers`; only where speakers are told apart."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Words of one speaker that belong together between two pauses."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("SegmentBody")

    id: int
    """Its place among the segments, from 0."""
    start: Seconds
    """When its first word begins."""
    end: Seconds
    """When its last word ends."""
    text: str
    """Its words, joined by spaces."""
    confidence: Confidence
    """Mean of its words'."""
    speaker: SpeakerLabel = None
    """Who says it, one of `speakers`; only where speakers are told apart."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One of those who speak in a recording."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("SpeakerBody")

    speaker: str
    """The label in `words[].speaker` and `segments[].speaker`, and in every format."""
    seconds: Seconds
    """How long the speaker speaks, from the first to the last word of each segment."""
    channel: Annotated[int | None, _ON_REQUEST] = None
    """The channel of the recording, from 0; only with channels=separate."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several hypotheses."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("AlternativeBody")

    text: str
    """Its words, joined by spaces."""
    score: Score
    """Natural-log score; ranks the hypotheses of one recording."""
    words: tuple[Word, ...]
    """Empty with words=false."""
    formatted_text: Annotated[str | None, _ON_REQUEST] = None
    """The text with sentences and digits, only with format_text=true."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds each stage took."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("TimingBody")

    queue: StageSeconds
    """Waiting for the device."""
    decode_audio: StageSeconds
    """From the bytes to 16 kHz samples."""
    encode: StageSeconds
    """On the device."""
    decode_text: StageSeconds
    """From the emissions to words."""
    real_time_factor: Annotated[float, PlainSerializer(_rounded(5), return_type=float)]
    """Total time divided by the audio's duration."""
    diarize: Annotated[StageSeconds | None, _ON_REQUEST] = None
    """Finding out who speaks, beside the other stages; only with diarize=true."""


@dataclass(frozen=True, slots=True)
class Track:
    """One audio track of a file."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("TrackBody")

    index: Annotated[int, Field(ge=0)]
    """The value of `track` that chooses it."""
    codec: str
    """FFmpeg's name of it; empty where it is unknown."""
    channels: int
    """How many channels it has."""
    rate: int
    """Samples per second of one channel."""
    language: str | None
    """Its language tag as the file gives it."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """The file of a recording; codec, channels and rate are those of the track that was read."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("AudioBody")

    container: Annotated[str, Field(examples=["MP4 or M4A"])]
    """The format of the file."""
    codec: str
    """FFmpeg's name of the codec; empty where it is unknown."""
    channels: int
    """How many channels the track has."""
    rate: int
    """Samples per second of one channel."""
    tracks: tuple[Track, ...]
    """All audio tracks of the file."""
    track: int
    """Index of the track that was read."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning about the recording or the request."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("WarningBody")

    code: Annotated[str, Field(examples=["resynchronised"])]
    """For a program."""
    message: str
    """For a person: what was found, and how it was handled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The answer of POST /transcribe."""

    __pydantic_config__: ClassVar[ConfigDict] = _config(
        "TranscriptionBody", FULL_TRANSCRIPT, TRANSCRIPT
    )

    text: str
    """The speech, word for word."""
    words: tuple[Word, ...]
    """Empty with words=false."""
    segments: tuple[Segment, ...]
    """The words between two pauses."""
    confidence: Confidence | None
    """Mean of the words': the share to be expected right; null for none."""
    formatted_text: Annotated[str | None, _ON_REQUEST] = None
    """The text with sentences and digits, only with format_text=true."""
    formatted_words: Annotated[
        tuple[Word, ...] | None,
        _ON_REQUEST,
        Field(
            description="Its words as they are written, with the times of their spoken words; "
            "empty with words=false."
        ),
    ] = None
    formatted_segments: Annotated[tuple[Segment, ...] | None, _ON_REQUEST] = None
    """Its words between two pauses; not always as many as `segments`."""
    language: str
    """Code of the language that was transcribed."""
    model: str
    """Id of the model that did it."""
    duration: Seconds
    """Length of the audio, in seconds."""
    decoder: str
    """The decoder of the text: greedy, beam or greedy+lm."""
    lm: Annotated[
        str | None,
        Field(
            description="The language model that was used; null where the model has none, and "
            "with greedy."
        ),
    ]
    alternatives: Annotated[tuple[Alternative, ...] | None, _ON_REQUEST] = None
    """The best hypotheses, only with n_best above 1."""
    speakers: Annotated[tuple[Speaker, ...] | None, _ON_REQUEST] = None
    """Who speaks, in the order of their first words; only where speakers are told apart."""
    channels: Annotated[int | None, _ON_REQUEST] = None
    """How many channels were transcribed, only with channels=separate."""
    audio: AudioFile | None
    """Describes the recording's file; null only where there is no file."""
    warnings: tuple[Notice, ...]
    """Warnings about the recording, such as skipped damage."""
    timing: Timing
    """Seconds each stage took."""
    request_id: str
    """The same as in the header x-request-id."""

    @property
    def written_text(self) -> str:
        """The formatted text where there is one, the verbatim text otherwise."""
        return self.text if self.formatted_text is None else self.formatted_text

    @property
    def written_words(self) -> tuple[Word, ...]:
        """The words of `written_text`."""
        return self.words if self.formatted_words is None else self.formatted_words

    @property
    def written_segments(self) -> tuple[Segment, ...]:
        """The segments of `written_text`."""
        return self.segments if self.formatted_segments is None else self.formatted_segments

    def without_words(self) -> "Transcript":
        """Returns a copy with empty lists of words."""
        return replace(
            self,
            words=(),
            formatted_words=None if self.formatted_words is None else (),
            alternatives=self.alternatives
            and tuple(replace(alternative, words=()) for alternative in self.alternatives),
        )

    def to_json(self) -> str:
        """Returns the body as it is sent, without the fields that were not requested."""
        return TRANSCRIPT_ADAPTER.dump_json(self).decode()


@dataclass(frozen=True, slots=True)
class AlignedCharacter:
    """One character of a word, or one number in it."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("AlignedCharacterBody")

    text: str
    """The character or the number as it was written."""
    start: Seconds
    """When it begins."""
    end: Seconds
    """When it ends."""


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One word as it was written; times in seconds from the start of the audio."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("AlignedWordBody")

    word: str
    """The word as it was written."""
    start: Seconds | None
    """When it begins; null where it was not found, unless something else is in its place."""
    end: Seconds | None
    """When it ends; null where `start` is null."""
    score: Confidence
    """Geometric mean of its characters' posteriors."""
    found: bool
    """Whether it is spoken."""
    characters: Annotated[tuple[AlignedCharacter, ...] | None, _ON_REQUEST] = None
    """Its characters, only with characters=true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The answer of POST /align."""

    __pydantic_config__: ClassVar[ConfigDict] = _config("AlignmentBody")

    words: tuple[AlignedWord, ...]
    """The words of the text, in their order."""
    language: str
    """Code of the language."""
    model: str
    """Id of the model that did it."""
    duration: Seconds
    """Length of the audio, in seconds."""
    audio: AudioFile | None
    """Describes the recording's file; null only where there is no file."""
    warnings: tuple[Notice, ...]
    """Warnings about the recording, such as skipped damage."""
    timing: Timing
    """Seconds each stage took."""
    request_id: str
    """The same as in the header x-request-id."""

    def without_characters(self) -> "Alignment":
        """Returns a copy whose words have no list of characters."""
        return replace(self, words=tuple(replace(word, characters=None) for word in self.words))

    def to_json(self) -> str:
        """Returns the body as it is sent, without characters where they were not requested."""
        return ALIGNMENT_ADAPTER.dump_json(self).decode()


TRANSCRIPT_ADAPTER = TypeAdapter(Transcript)
ALIGNMENT_ADAPTER = TypeAdapter(Alignment)


def mean_confidence(words: Sequence[Word]) -> float | None:
    """Returns the mean confidence of words; None where there are none."""
    return sum(word.confidence for word in words) / len(words) if words else None
