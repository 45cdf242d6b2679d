"""OpenAI's answers and events with speakers, made from our transcripts."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field

from app.api.openai.schemas import UsageBody, usage
from app.api.speakers import speaker_letters
from app.contract.answers import Transcript


class DiarizedSegment(BaseModel):
    """What one speaker says between two pauses; also an event of its own."""

    type: Literal["transcript.text.segment"] = "transcript.text.segment"
    id: str = Field(examples=["seg_0"])
    start: float
    end: float
    text: str
    speaker: str = Field(
        description="A known speaker's name; A, B and so on, in the order of their first words."
    )


class TranscriptionDiarized(BaseModel):
    """The answer with response_format diarized_json."""

    task: Literal["transcribe"] = "transcribe"
    duration: float = Field(description="Length of the audio, in seconds.")
    text: str
    segments: list[DiarizedSegment]
    usage: UsageBody


def diarized_json(transcript: Transcript) -> str:
    """Returns the body of response_format diarized_json."""
    duration = round(transcript.duration, 3)
    body = TranscriptionDiarized(
        duration=duration,
        text=transcript.written_text,
        segments=list(diarized_segments(transcript)),
        usage=usage(duration),
    )
    return body.model_dump_json()


def diarized_segments(transcript: Transcript) -> Iterator[DiarizedSegment]:
    """Yields the segments of a transcript with speakers."""
    letters = speaker_letters(transcript)
    for segment in transcript.written_segments:
        yield DiarizedSegment(
            id=f"seg_{segment.id}",
            start=round(segment.start, 3),
            end=min(round(segment.end, 3), round(transcript.duration, 3)),
            text=segment.text,
            speaker=letters[segment.speaker],
        )
