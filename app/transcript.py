"""The values everything else speaks in: what was said, when, and how sure we are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.notices import Notice

if TYPE_CHECKING:
    # Its package brings numpy and FFmpeg, which a client of a server needs none of.
    from app.audio.info import AudioInfo


@dataclass(frozen=True, slots=True)
class Word:
    """One word; times in seconds from the start of the audio, confidence in 0..1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that belong together between two pauses; the same units as `Word`."""

    text: str
    start: float
    end: float
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several readings; `score` is a natural-log score that ranks them.

    `formatted_text` is the reading made readable, where that was asked for.
    """

    text: str
    score: float
    words: tuple[Word, ...]
    formatted_text: str | None = None


@dataclass(frozen=True, slots=True)
class Formatted:
    """A transcript made readable: sentences and digits, in segments of their own."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        """All words of all segments as they are written, in order."""
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that each stage of a request took.

    `real_time_factor` is total processing time divided by the audio's duration.
    """

    queue: float
    decode_audio: float
    encode: float
    decode_text: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """The answer to one transcription request; `duration` is the audio's, in seconds.

    `decoder` and `language_model` say what read the text; no language model is None.
    `alternatives` are the readings, best first, where several were asked for. `formatted` is the
    same made readable, where that was asked for; the rest is what was said, word for word.
    `audio` describes the file, and `notices` are the answer's `warnings`.
    """

    text: str
    segments: tuple[Segment, ...]
    language: str
    model: str
    duration: float
    timing: Timing
    decoder: str = "greedy"
    language_model: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    formatted: Formatted | None = None
    audio: "AudioInfo | None" = None
    notices: tuple[Notice, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """All words of all segments, in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def confidence(self) -> float | None:
        """Mean confidence of the words; None where there are none."""
        words = self.words
        return sum(word.confidence for word in words) / len(words) if words else None


@dataclass(frozen=True, slots=True)
class AlignedPart:
    """A character of a word, or a number in it; seconds from the start of the audio."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word as it was written, and where it is said.

    `score` is the geometric mean over its characters of the highest probability each reaches,
    0 where it was not found. A word that is not `found` has no times, unless something else was
    heard in its place: `start` and `end` then say where.
    """

    text: str
    start: float | None
    end: float | None
    score: float
    found: bool
    parts: tuple[AlignedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class AlignedTranscript:
    """The answer to one alignment request; `duration` is the audio's, in seconds."""

    words: tuple[AlignedWord, ...]
    language: str
    model: str
    duration: float
    timing: Timing
    audio: "AudioInfo | None" = None
    notices: tuple[Notice, ...] = ()
