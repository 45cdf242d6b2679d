"""The answers of POST /transcribe and POST /align: the service makes them, a client reads them.

Values are exact in memory; times and probabilities are rounded where they are written as JSON. The
titles of the models name their schemas on the OpenAPI page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

from .examples import FULL_TRANSCRIPT, TRANSCRIPT
from .fields import ON_REQUEST, Confidence, Factor, Score, Seconds, StageSeconds, schema_config
from .languages import DetectedLanguage
from .redaction import Redaction

SpeakerLabel: TypeAlias = Annotated[str | None, ON_REQUEST]
"""One of the labels in `speakers`; None where speakers are not told apart."""
LanguageCode: TypeAlias = Annotated[str | None, ON_REQUEST]
"""None where all is in one language."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word; times in seconds from the start of the audio."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("WordBody")

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
    language: LanguageCode = None
    """Code of its language, only where that may differ from word to word."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Words of one speaker that belong together between two pauses."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("SegmentBody")

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
    language: LanguageCode = None
    """Code of its language, only where that may differ from segment to segment."""
    language_probability: Annotated[Confidence | None, ON_REQUEST] = None
    """How likely that is its language."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One of those who speak in a recording."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("SpeakerBody")

    speaker: str
    """The label in `words[].speaker` and `segments[].speaker`, and in every format."""
    seconds: Seconds
    """How long the speaker speaks, from the first to the last word of each segment."""
    channel: Annotated[int | None, ON_REQUEST] = None
    """The channel of the recording, from 0; only with channels=separate."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several hypotheses."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("AlternativeBody")

    text: str
    """Its words, joined by spaces."""
    score: Score
    """Natural-log score; ranks the hypotheses of one recording."""
    words: tuple[Word, ...]
    """Empty with words=false."""
    formatted_text: Annotated[str | None, ON_REQUEST] = None
    """The text with sentences and digits, only with format_text=true."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds each stage took."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("TimingBody")

    queue: StageSeconds
    """Waiting for the device."""
    decode_audio: StageSeconds
    """From the bytes to 16 kHz samples."""
    encode: StageSeconds
    """On the device."""
    decode_text: StageSeconds
    """From the emissions to words."""
    real_time_factor: Factor
    """Total time divided by the audio's duration."""
    detect_language: Annotated[StageSeconds | None, ON_REQUEST] = None
    """Choosing the language, only where it is detected."""


@dataclass(frozen=True, slots=True)
class Track:
    """One audio track of a file."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("TrackBody")

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

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("AudioBody")

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

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("WarningBody")

    code: Annotated[str, Field(examples=["resynchronised"])]
    """For a program."""
    message: str
    """For a person: what was found, and how it was handled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The answer of POST /transcribe."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config(
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
    formatted_text: Annotated[str | None, ON_REQUEST] = None
    """The text with sentences and digits, only with format_text=true."""
    formatted_words: Annotated[
        tuple[Word, ...] | None,
        ON_REQUEST,
        Field(
            description="Its words as they are written, with the times of their spoken words; "
            "empty with words=false."
        ),
    ] = None
    formatted_segments: Annotated[tuple[Segment, ...] | None, ON_REQUEST] = None
    """Its words between two pauses; not always as many as `segments`."""
    language: str
    """Code of the language that was transcribed; of several, of the one with the most speech."""
    language_probability: Annotated[Confidence | None, ON_REQUEST] = None
    """Its probability in `languages`."""
    languages: Annotated[tuple[DetectedLanguage, ...] | None, ON_REQUEST] = None
    """The languages it may be, the likeliest first; only with language=auto and auto-each."""
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
    alternatives: Annotated[tuple[Alternative, ...] | None, ON_REQUEST] = None
    """The best hypotheses, only with n_best above 1."""
    speakers: Annotated[tuple[Speaker, ...] | None, ON_REQUEST] = None
    """Who speaks, in the order of their first words; only where speakers are told apart."""
    channels: Annotated[int | None, ON_REQUEST] = None
    """How many channels were transcribed, only with channels=separate."""
    redactions: Annotated[tuple[Redaction, ...] | None, ON_REQUEST] = None
    """What was masked in the text, in order; only with redact."""
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

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("AlignedCharacterBody")

    text: str
    """The character or the number as it was written."""
    start: Seconds
    """When it begins."""
    end: Seconds
    """When it ends."""


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One word as it was written; times in seconds from the start of the audio."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("AlignedWordBody")

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
    characters: Annotated[tuple[AlignedCharacter, ...] | None, ON_REQUEST] = None
    """Its characters, only with characters=true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The answer of POST /align."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("AlignmentBody")

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
