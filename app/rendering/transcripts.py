"""Parses a transcript from JSON and renders it in another format.

Imports little: the rendering process needs nothing else of the service.
"""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field, model_validator

from app.decoding.segments import segment_words
from app.formats import Rendered, render
from app.transcript import Formatted, Segment, Timing, Transcript, Word

_MAX_SECONDS = 1e7  # four months; more is a mistake, and no format can write it
_NO_TIMING = Timing(0.0, 0.0, 0.0, 0.0, 0.0)


class GivenWord(BaseModel):
    """One word; times in seconds from the start of the audio."""

    word: str
    start: float = Field(ge=0, le=_MAX_SECONDS)
    end: float = Field(ge=0, le=_MAX_SECONDS)
    confidence: float = Field(1.0, ge=0, le=1)


class GivenSegment(BaseModel):
    """A segment; it has as many of the words as its text."""

    text: str


class GivenTranscript(BaseModel):
    """A response of POST /transcribe, or these fields of it."""

    text: str | None = Field(None, description="The words joined by spaces where it is not given.")
    words: list[GivenWord]
    segments: list[GivenSegment] | None = Field(
        None, description="Which words belong together; by their pauses where it is not given."
    )
    formatted_text: str | None = None
    formatted_words: list[GivenWord] | None = Field(
        None, description="Written instead of the others where they are given."
    )
    formatted_segments: list[GivenSegment] | None = None
    language: str = "und"
    model: str = ""
    duration: float = Field(ge=0, le=_MAX_SECONDS)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for name in ("words", "formatted_words"):
            reached = 0.0
            for index, word in enumerate(getattr(self, name) or ()):
                if word.start < reached or word.end < word.start:
                    raise ValueError(
                        f"{name}.{index} ({word.word!r}) begins before the word before it, or "
                        "ends before it begins"
                    )
                reached = word.start
        return self

    def transcript(self) -> Transcript:
        """Returns the value that formats are rendered from."""
        words = _words(self.words)
        formatted = None
        if self.formatted_words is not None:
            written = _words(self.formatted_words)
            formatted = Formatted(
                self.formatted_text or _joined(written), _segments(written, self.formatted_segments)
            )
        return Transcript(
            text=_joined(words) if self.text is None else self.text,
            segments=_segments(words, self.segments),
            language=self.language,
            model=self.model,
            duration=self.duration,
            timing=_NO_TIMING,
            formatted=formatted,
        )


def render_json(body: bytes, name: str, *, recording: str, word_cues: bool) -> Rendered:
    """Render a transcript in a format.

    Args:
        body: a `GivenTranscript` as JSON.
        name: of the format.
        recording: the recording's file name, for links to it.
        word_cues: with vtt, add the time of each word.

    Raises:
        ValidationError: the body is not a transcript.
    """
    given = GivenTranscript.model_validate_json(body)
    return render(given.transcript(), name, recording=recording, word_cues=word_cues)


def _words(given: Sequence[GivenWord]) -> list[Word]:
    return [Word(word.word, word.start, word.end, word.confidence) for word in given]


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _segments(words: Sequence[Word], given: Sequence[GivenSegment] | None) -> tuple[Segment, ...]:
    """Divide words into segments by their texts, or by pauses where these do not match."""
    segments: list[Segment] = []
    reached = 0
    for segment in given or ():
        expected = segment.text.split()
        first, tokens = reached, 0
        while reached < len(words) and tokens < len(expected):
            tokens += len(words[reached].text.split())
            reached += 1
        taken = tuple(words[first:reached])
        if _joined(taken).split() != expected:
            return segment_words(words)
        if taken:
            confidence = sum(word.confidence for word in taken) / len(taken)
            segments.append(
                Segment(_joined(taken), taken[0].start, taken[-1].end, confidence, taken)
            )
    return tuple(segments) if reached == len(words) else segment_words(words)
