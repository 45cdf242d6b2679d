"""Parses a transcript from JSON and renders it in another format.

Imports little: the rendering process needs nothing else of the service.
"""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from app.contract.answers import Segment, Timing, Transcript, Word, mean_confidence
from app.contract.layout import Layout
from app.contract.segments import segment_of, segment_words
from app.formats import Rendered, render

_MAX_SECONDS = 1e7  # four months; more is a mistake, and no format can write it
_NO_TIMING = Timing(0.0, 0.0, 0.0, 0.0, 0.0)


class GivenWord(BaseModel):
    """One word; times in seconds from the start of the audio."""

    word: str
    start: float = Field(ge=0, le=_MAX_SECONDS)
    end: float = Field(ge=0, le=_MAX_SECONDS)
    confidence: float = Field(1.0, ge=0, le=1)
    speaker: str | None = Field(None, max_length=200)


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
            reached: dict[str | None, float] = {}
            for index, word in enumerate(getattr(self, name) or ()):
                if word.start < reached.get(word.speaker, 0.0) or word.end < word.start:
                    raise ValueError(
                        f"{name}.{index} ({word.word!r}) begins before the word before it, or "
                        "ends before it begins"
                    )
                reached[word.speaker] = word.start
        return self

    def transcript(self) -> Transcript:
        """Returns the value that formats are rendered from."""
        words = _words(self.words)
        formatted: dict[str, Any] = {}
        if self.formatted_words is not None:
            written = _words(self.formatted_words)
            formatted = {
                "formatted_text": self.formatted_text or _joined(written),
                "formatted_words": written,
                "formatted_segments": _segments(written, self.formatted_segments),
            }
        return Transcript(
            text=_joined(words) if self.text is None else self.text,
            words=words,
            segments=_segments(words, self.segments),
            confidence=mean_confidence(words),
            language=self.language,
            model=self.model,
            duration=self.duration,
            decoder="",
            lm=None,
            audio=None,
            warnings=(),
            timing=_NO_TIMING,
            request_id="",
            **formatted,
        )


def render_json(
    body: bytes, name: str, *, recording: str, word_cues: bool, layout: Layout | None = None
) -> Rendered:
    """Renders a transcript in a format.

    Args:
        body: a `GivenTranscript` as JSON.
        name: of the format.
        recording: the recording's file name, for links to it.
        word_cues: with vtt, add the time of each word.
        layout: of text, md, f4 and docx; None takes the defaults.

    Raises:
        ValidationError: the body is not a transcript.
    """
    given = GivenTranscript.model_validate_json(body)
    return render(given.transcript(), name, recording=recording, word_cues=word_cues, layout=layout)


def _words(given: Sequence[GivenWord]) -> tuple[Word, ...]:
    return tuple(
        Word(word.word, word.start, word.end, word.confidence, word.speaker) for word in given
    )


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.word for word in words)


def _segments(words: Sequence[Word], given: Sequence[GivenSegment] | None) -> tuple[Segment, ...]:
    """Divides words into segments by their texts, or by pauses where these do not match."""
    segments: list[Segment] = []
    reached = 0
    for segment in given or ():
        expected = segment.text.split()
        first, tokens = reached, 0
        while reached < len(words) and tokens < len(expected):
            tokens += len(words[reached].word.split())
            reached += 1
        taken = tuple(words[first:reached])
        if _joined(taken).split() != expected or len({word.speaker for word in taken}) > 1:
            return segment_words(words)
        if taken:
            segments.append(segment_of(len(segments), taken))
    return tuple(segments) if reached == len(words) else segment_words(words)
