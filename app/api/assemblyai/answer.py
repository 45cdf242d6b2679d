"""A job and its transcript in, AssemblyAI's form of answer out; times in milliseconds."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import BaseModel, JsonValue

from app.api.passages import split_at_pauses, split_sentences
from app.api.speakers import speaker_letters, split_at_speakers
from app.contract.answers import Transcript, Word, mean_confidence
from app.contract.jobs import Job, JobStatus
from app.contract.segments import PARAGRAPH_PAUSE

Status: TypeAlias = Literal["queued", "processing", "completed", "error"]

STATUSES: Mapping[JobStatus, Status] = {
    "queued": "queued",
    "processing": "processing",
    "completed": "completed",
    "failed": "error",
    "cancelled": "error",
}
DELETED_URL = "http://deleted_by_user"
_DELETED_TEXT = "Deleted by user."
# Secrets of the caller's, and what is answered in other fields.
_NOT_REPEATED = ("webhook_auth_header_value",)


class TranscriptWord(BaseModel):
    """One word."""

    text: str
    start: int
    end: int
    confidence: float
    speaker: str | None = None


class Passage(BaseModel):
    """A sentence, a paragraph or an utterance."""

    text: str
    start: int
    end: int
    confidence: float
    words: list[TranscriptWord]
    speaker: str | None = None


class SentencesBody(BaseModel):
    """The answer of GET /v2/transcript/{id}/sentences."""

    id: str
    confidence: float
    audio_duration: float
    sentences: list[Passage]


class ParagraphsBody(BaseModel):
    """The answer of GET /v2/transcript/{id}/paragraphs."""

    id: str
    confidence: float
    audio_duration: float
    paragraphs: list[Passage]


class TranscriptBody(BaseModel):
    """A transcript; the parameters of its request are repeated beside these fields."""

    model_config = {"extra": "allow"}

    id: str
    status: Status
    audio_url: str
    error: str | None = None
    text: str | None = None
    words: list[TranscriptWord] | None = None
    utterances: list[Passage] | None = None
    confidence: float | None = None
    audio_duration: int | None = None
    language_code: str | None = None
    speech_model_used: str | None = None
    punctuate: bool
    format_text: bool
    webhook_url: str | None = None
    webhook_status_code: int | None = None
    webhook_auth: bool = False


def transcript_body(
    job: Job, request: Mapping[str, JsonValue], transcript: Transcript | None
) -> TranscriptBody:
    """Returns a transcript as it is now.

    Args:
        job: which makes it.
        request: its JSON, as `parse_transcript` returned it.
        transcript: of a completed job, formatted as requested; None of any other.
    """
    repeated = {name: value for name, value in request.items() if name not in _NOT_REPEATED}
    punctuate = bool(request.get("punctuate", True))
    fields: dict[str, object] = {
        **repeated,
        "punctuate": punctuate,
        "format_text": punctuate and bool(request.get("format_text", True)),
        "id": job.id,
        "status": STATUSES[job.status],
        "language_code": job.language,
        "webhook_auth": "webhook_auth_header_name" in request,
    }
    if job.status in {"failed", "cancelled"}:
        fields["error"] = job.error.message if job.error else "The job was cancelled."
    if job.duration is not None:
        fields["audio_duration"] = round(job.duration)
    if transcript is not None:
        fields |= {
            "text": transcript.written_text,
            "words": _words(transcript.written_words, speaker_letters(transcript)),
            "utterances": _utterances(transcript),
            "confidence": _confidence(transcript.written_words),
            "audio_duration": round(transcript.duration),
            "speech_model_used": transcript.model,
        }
    return TranscriptBody.model_validate(fields)


def deleted_body(job: Job, request: Mapping[str, JsonValue]) -> TranscriptBody:
    """Returns what is left of a transcript that was deleted, for the answer to its deletion."""
    body = transcript_body(job, {"audio_url": DELETED_URL}, None)
    left = {"punctuate": request.get("punctuate", True), "webhook_url": None}
    text = _DELETED_TEXT if job.status == "completed" else None
    return body.model_copy(update=left | {"text": text})


def sentences_body(job: Job, transcript: Transcript) -> SentencesBody:
    """Returns the sentences of a formatted transcript."""
    turns = split_at_speakers(transcript.written_words)
    sentences = [part for turn in turns for part in split_sentences(turn, lambda word: word.word)]
    letters = speaker_letters(transcript)
    return SentencesBody(
        id=job.id,
        confidence=_confidence(transcript.written_words),
        audio_duration=round(transcript.duration, 3),
        sentences=[_passage(words, letters) for words in sentences],
    )


def paragraphs_body(job: Job, transcript: Transcript) -> ParagraphsBody:
    """Returns the paragraphs of a formatted transcript."""
    turns = split_at_speakers(transcript.written_words)
    paragraphs = [part for turn in turns for part in split_at_pauses(turn, PARAGRAPH_PAUSE)]
    letters = speaker_letters(transcript)
    return ParagraphsBody(
        id=job.id,
        confidence=_confidence(transcript.written_words),
        audio_duration=round(transcript.duration, 3),
        paragraphs=[_passage(words, letters) for words in paragraphs],
    )


def _utterances(transcript: Transcript) -> list[Passage] | None:
    """Returns the turns of the speakers; None where they are not told apart."""
    if transcript.speakers is None:
        return None
    letters = speaker_letters(transcript)
    return [_passage(turn, letters) for turn in split_at_speakers(transcript.written_words)]


def _passage(words: Sequence[Word], letters: Mapping[str | None, str]) -> Passage:
    return Passage(
        text=" ".join(word.word for word in words),
        start=_milliseconds(words[0].start),
        end=_milliseconds(words[-1].end),
        confidence=_confidence(words),
        words=_words(words, letters),
        speaker=letters.get(words[0].speaker),
    )


def _words(words: Sequence[Word], letters: Mapping[str | None, str]) -> list[TranscriptWord]:
    return [
        TranscriptWord(
            text=word.word,
            start=_milliseconds(word.start),
            end=_milliseconds(word.end),
            confidence=round(word.confidence, 4),
            speaker=letters.get(word.speaker),
        )
        for word in words
    ]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _confidence(words: Sequence[Word]) -> float:
    return round(mean_confidence(words) or 0.0, 4)
