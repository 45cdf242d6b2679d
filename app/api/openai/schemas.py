"""The bodies and events of OpenAI's transcription API, made from our transcripts."""

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from app.contract.answers import Segment, Transcript, Word
from app.contract.segments import words_of_segments

_SEEKS_PER_SECOND = 100
_FRAMES_PER_SECOND = 50
_MIN_LOGPROB = -100.0


class LogprobBody(BaseModel):
    """One word as a token; joined, the tokens are the text."""

    token: str = Field(examples=[" kommer"])
    bytes: list[int] = Field(description="The token in UTF-8.")
    logprob: float = Field(description="Natural logarithm of the word's confidence.")


class UsageBody(BaseModel):
    """The amount of audio that was transcribed."""

    type: Literal["duration"] = "duration"
    seconds: float = Field(description="Length of the audio.")


class LanguageBody(BaseModel):
    """A language of the audio."""

    code: str = Field(examples=["nb"])


class TranscriptionJson(BaseModel):
    """The answer with response_format json."""

    text: str = Field(description="Readable, or word for word with format_text=false.")
    usage: UsageBody
    logprobs: list[LogprobBody] | None = Field(None, description="Only with include[]=logprobs.")
    languages: list[LanguageBody] | None = Field(
        None,
        description="Only with languages[], and where the language was detected: what was "
        "transcribed.",
    )


class VerboseWord(BaseModel):
    """One word as it is written; times in seconds."""

    word: str
    start: float
    end: float
    confidence: float = Field(ge=0, le=1, description="Ours: how likely the word is right.")


class VerboseSegment(BaseModel):
    """Words between two pauses, with all the fields that clients of Whisper expect."""

    id: int
    seek: int = Field(description="The start, in hundredths of a second.")
    start: float
    end: float
    text: str
    tokens: list[int] = Field(description="Always empty: there are no tokens of words.")
    temperature: float = Field(description="Always 0: nothing is drawn at random.")
    avg_logprob: float = Field(description="Mean of its words' natural-log confidences.")
    compression_ratio: float = Field(description="Length of the text divided by that zipped.")
    no_speech_prob: float = Field(description="Always 0: segments are where words are.")
    confidence: float = Field(ge=0, le=1, description="Ours: mean of its words'.")
    language: str | None = Field(
        None, description="Ours: its code, where it may differ from segment to segment."
    )

    @classmethod
    def of(cls, segment: Segment, words: Sequence[Word], duration: float) -> Self:
        """Returns the body of a segment with its words."""
        written = segment.text.encode()
        return cls(
            id=segment.id,
            seek=int(segment.start * _SEEKS_PER_SECOND),
            start=_rounded(segment.start, duration),
            end=_rounded(segment.end, duration),
            text=segment.text,
            tokens=[],
            temperature=0.0,
            avg_logprob=round(
                sum(logprob(word.confidence) for word in words) / max(1, len(words)), 4
            ),
            compression_ratio=round(len(written) / len(zlib.compress(written)), 4),
            no_speech_prob=0.0,
            confidence=round(segment.confidence, 4),
            language=segment.language,
        )


class TranscriptionVerboseJson(BaseModel):
    """The answer with response_format verbose_json."""

    task: Literal["transcribe"] = "transcribe"
    language: str = Field(description="Its code.", examples=["nb"])
    duration: float = Field(description="Length of the audio, in seconds.")
    text: str
    words: list[VerboseWord] | None = Field(
        None, description="Only with timestamp_granularities[]=word."
    )
    segments: list[VerboseSegment] | None = Field(
        None, description="Unless only words were requested."
    )
    usage: UsageBody
    model: str = Field(description="Ours: id of the model that did it.")
    language_probability: float | None = Field(
        None, ge=0, le=1, description="Ours: how likely it is the language, where it was detected."
    )


def plain_json(transcript: Transcript, *, logprobs: bool, languages: bool) -> str:
    """Returns the body of response_format json."""
    body = TranscriptionJson(
        text=transcript.written_text,
        usage=usage(transcript.duration),
        logprobs=tokens_of(with_confidence(transcript.written_words)) if logprobs else None,
        languages=_languages(transcript) if languages or transcript.languages else None,
    )
    return body.model_dump_json(exclude_none=True)


def verbose_json(transcript: Transcript, granularities: Iterable[str]) -> str:
    """Returns the body of response_format verbose_json, by default with segments."""
    included = set(granularities) or {"segment"}
    duration = round(transcript.duration, 3)
    groups = words_of_segments(transcript.written_segments, transcript.written_words)
    body = TranscriptionVerboseJson(
        language=transcript.language,
        duration=duration,
        text=transcript.written_text,
        words=[
            VerboseWord(
                word=word.word,
                start=_rounded(word.start, duration),
                end=_rounded(word.end, duration),
                confidence=round(word.confidence, 4),
            )
            for word in transcript.written_words
        ]
        if "word" in included
        else None,
        segments=[
            VerboseSegment.of(segment, words, duration)
            for segment, words in zip(transcript.written_segments, groups, strict=True)
        ]
        if "segment" in included
        else None,
        usage=usage(duration),
        model=transcript.model,
        language_probability=transcript.language_probability
        and round(transcript.language_probability, 4),
    )
    return body.model_dump_json(exclude_none=True)


def usage(seconds: float) -> UsageBody:
    """Returns the length of the audio, to milliseconds."""
    return UsageBody(seconds=round(seconds, 3))


def logprob(confidence: float) -> float:
    """Returns the natural logarithm of a confidence, -100 for 0: JSON has no infinity."""
    return math.log(confidence) if confidence > 0 else _MIN_LOGPROB


def tokens_of(words: Iterable[tuple[str, float]], *, continued: bool = False) -> list[LogprobBody]:
    """Returns words as tokens that, joined, are their text.

    Args:
        words: as they are written, with their confidences.
        continued: whether there are words before them.
    """
    tokens = []
    for index, (word, confidence) in enumerate(words):
        token = f" {word}" if index or continued else word
        rounded = round(logprob(confidence), 4)
        tokens.append(LogprobBody(token=token, bytes=list(token.encode()), logprob=rounded))
    return tokens


def with_confidence(words: Iterable[Word]) -> Iterator[tuple[str, float]]:
    """Yields each word with its confidence, as `tokens_of` takes them."""
    return ((word.word, word.confidence) for word in words)


def token_usage(seconds: float, text: str) -> dict[str, Any]:
    """Returns the usage in tokens, for events whose type in the SDK has no other.

    An input token is a frame of 20 ms, an output token a character, as in wav2vec2 with CTC.
    """
    frames = round(seconds * _FRAMES_PER_SECOND)
    return {
        "type": "tokens",
        "input_tokens": frames,
        "input_token_details": {"audio_tokens": frames, "text_tokens": 0},
        "output_tokens": len(text),
        "total_tokens": frames + len(text),
    }


def _languages(transcript: Transcript) -> list[LanguageBody]:
    """Returns the languages that were transcribed, that of most speech first."""
    spoken = (segment.language for segment in transcript.segments if segment.language is not None)
    return [LanguageBody(code=code) for code in dict.fromkeys((transcript.language, *spoken))]


def _rounded(seconds: float, duration: float) -> float:
    return min(round(seconds, 3), duration)
