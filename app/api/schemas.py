"""The JSON bodies of the native protocol, with the examples shown on the OpenAPI page."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from app.audio import AudioInfo
from app.notices import Notice
from app.transcript import Alternative, Segment, Timing, Transcript, Word

_ON_REQUEST = ("alternatives", "formatted_text", "formatted_words", "formatted_segments")

_WORDS: list[Any] = [
    {"word": "eg", "start": 0.42, "end": 0.54, "confidence": 0.981},
    {"word": "kjem", "start": 0.6, "end": 0.86, "confidence": 0.967},
    {"word": "halv", "start": 0.94, "end": 1.14, "confidence": 0.973},
    {"word": "åtte", "start": 1.2, "end": 1.5, "confidence": 0.962},
]
_WRITTEN: list[Any] = [
    {"word": "Eg", "start": 0.42, "end": 0.54, "confidence": 0.981},
    {"word": "kjem", "start": 0.6, "end": 0.86, "confidence": 0.967},
    {"word": "7.30.", "start": 0.94, "end": 1.5, "confidence": 0.962},
]
_SEGMENT = {"id": 0, "start": 0.42, "end": 1.5, "text": "eg kjem halv åtte", "confidence": 0.9708}
_EXAMPLE: dict[str, Any] = {
    "text": "eg kjem halv åtte",
    "words": _WORDS,
    "segments": [_SEGMENT],
    "confidence": 0.9708,
    "language": "nn",
    "model": "wav2vec2-xlsr-1B-NPSC-NN",
    "duration": 1.92,
    "decoder": "beam",
    "lm": "default",
    "timing": {
        "queue": 0.0006, "decode_audio": 0.0021, "encode": 0.0843,
        "decode_text": 0.0009, "real_time_factor": 0.04578,
    },
    "audio": {
        "container": "MP4 or M4A", "codec": "aac", "channels": 2, "rate": 44100, "track": 0,
        "tracks": [{"index": 0, "codec": "aac", "channels": 2, "rate": 44100, "language": "nno"}],
    },
    "warnings": [],
    "request_id": "5a8f0f6f5d0c4b7f9c1f0a6f3f1f2a77",
}  # fmt: skip
_EVERYTHING = _EXAMPLE | {
    "formatted_text": "Eg kjem 7.30.",
    "formatted_words": _WRITTEN,
    "formatted_segments": [_SEGMENT | {"text": "Eg kjem 7.30.", "confidence": 0.97}],
    "alternatives": [
        {
            "text": "eg kjem halv åtte", "score": -2.1804,
            "words": _WORDS, "formatted_text": "Eg kjem 7.30.",
        },
        {
            "text": "eg kjem halv ått", "score": -9.4127,
            "words": [*_WORDS[:3], _WORDS[3] | {"word": "ått"}],
            "formatted_text": "Eg kjem halv ått.",
        },
    ],
}  # fmt: skip


class WordBody(BaseModel):
    """One word; times in seconds from the start of the audio."""

    word: str
    start: float
    end: float
    confidence: float = Field(
        ge=0,
        le=1,
        description="How likely the word is right: calibrated where the model has a calibration, "
        "the word's posterior otherwise.",
    )

    @classmethod
    def of(cls, word: Word, duration: float) -> Self:
        """Round to milliseconds, never beyond the duration."""
        return cls(
            word=word.text,
            start=min(round(word.start, 3), duration),
            end=min(round(word.end, 3), duration),
            confidence=round(word.confidence, 4),
        )


class AlternativeBody(BaseModel):
    """One of several readings."""

    text: str
    score: float = Field(description="Natural-log score; ranks the readings of one recording.")
    words: list[WordBody] = Field(description="Empty when the request says words=false.")
    formatted_text: str | None = Field(
        None, description="The reading made readable, only when the request says format_text."
    )

    @classmethod
    def of(cls, alternative: Alternative, duration: float, *, words: bool) -> Self:
        """Render one reading."""
        return cls(
            text=alternative.text,
            score=round(alternative.score, 4),
            words=_words(alternative.words if words else (), duration),
            formatted_text=alternative.formatted_text,
        )


class SegmentBody(BaseModel):
    """Words that belong together between two pauses."""

    id: int
    start: float
    end: float
    text: str
    confidence: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, index: int, segment: Segment, duration: float) -> Self:
        """Round to milliseconds, never beyond the duration."""
        return cls(
            id=index,
            start=min(round(segment.start, 3), duration),
            end=min(round(segment.end, 3), duration),
            text=segment.text,
            confidence=round(segment.confidence, 4),
        )


def _words(words: Iterable[Word], duration: float) -> list[WordBody]:
    return [WordBody.of(word, duration) for word in words]


def _segments(segments: Iterable[Segment], duration: float) -> list[SegmentBody]:
    return [SegmentBody.of(index, segment, duration) for index, segment in enumerate(segments)]


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 4)


class TimingBody(BaseModel):
    """Seconds each stage took."""

    queue: float = Field(description="Waiting for the device.")
    decode_audio: float = Field(description="From the bytes to 16 kHz samples.")
    encode: float = Field(description="On the device.")
    decode_text: float = Field(description="From the emissions to words.")
    real_time_factor: float = Field(description="Total time divided by the audio's duration.")

    @classmethod
    def of(cls, timing: Timing) -> Self:
        """Round to tenths of a millisecond."""
        return cls(
            queue=round(timing.queue, 4),
            decode_audio=round(timing.decode_audio, 4),
            encode=round(timing.encode, 4),
            decode_text=round(timing.decode_text, 4),
            real_time_factor=round(timing.real_time_factor, 5),
        )


class TrackBody(BaseModel):
    """One audio track of a file."""

    index: int = Field(ge=0, description="What `track` takes.")
    codec: str = Field(description="FFmpeg's name of it; empty where it is unknown.")
    channels: int
    rate: int = Field(description="Samples per second of one channel.")
    language: str | None = Field(description="Its language tag as the file gives it.")


class AudioBody(BaseModel):
    """What a recording's file is; codec, channels and rate are those of the track read."""

    container: str = Field(examples=["MP4 or M4A"])
    codec: str
    channels: int
    rate: int
    tracks: list[TrackBody]
    track: int = Field(description="Index of the track that was read.")

    @classmethod
    def of(cls, audio: AudioInfo) -> Self:
        """Renders a description."""
        read = next(track for track in audio.tracks if track.index == audio.track)
        return cls(
            container=audio.container,
            codec=read.codec,
            channels=read.channels,
            rate=read.rate,
            tracks=[
                TrackBody(
                    index=track.index,
                    codec=track.codec,
                    channels=track.channels,
                    rate=track.rate,
                    language=track.language,
                )
                for track in audio.tracks
            ],
            track=audio.track,
        )


class WarningBody(BaseModel):
    """Something to know about the recording or the request."""

    code: str = Field(description="For a program.", examples=["resynchronised"])
    message: str = Field(description="For a person: what was found, and what was done about it.")

    @classmethod
    def listed(cls, notices: Iterable[Notice]) -> list[Self]:
        """Renders notices in their order."""
        return [cls(code=notice.code, message=notice.message) for notice in notices]


class TranscriptionBody(BaseModel):
    """The answer of POST /transcribe."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EVERYTHING, _EXAMPLE]})

    text: str = Field(description="What was said, word for word.")
    words: list[WordBody] = Field(description="Empty when the request says words=false.")
    segments: list[SegmentBody]
    confidence: float | None = Field(
        ge=0, le=1, description="Mean of the words': the share to be expected right; null for none."
    )
    formatted_text: str | None = Field(
        None,
        description="The text with sentences and digits, only when the request says format_text.",
    )
    formatted_words: list[WordBody] | None = Field(
        None,
        description="Its words as they are written, with the times of what was said for each; "
        "empty when the request says words=false.",
    )
    formatted_segments: list[SegmentBody] | None = Field(
        None, description="Its words between two pauses; not always as many as `segments`."
    )
    language: str = Field(description="Code of the language that was transcribed.")
    model: str = Field(description="Id of the model that did it.")
    duration: float = Field(description="Length of the audio, in seconds.")
    decoder: str = Field(description="What read the text: greedy, beam or greedy+lm.")
    lm: str | None = Field(
        description="The language model that was used; null where the model has none, whatever "
        "decoder was asked for, and with greedy."
    )
    alternatives: list[AlternativeBody] | None = Field(
        None, description="The best readings, only when the request says n_best above 1."
    )
    audio: AudioBody | None = Field(
        description="What the recording's file is; null only where there is no file."
    )
    warnings: list[WarningBody] = Field(
        description="What there is to know about the recording, such as skipped damage."
    )
    timing: TimingBody
    request_id: str = Field(description="The same as in the header x-request-id.")

    def to_json(self) -> str:
        """The body as it is sent, without what nobody asked for."""
        unasked: dict[str, Any] = {
            name: True for name in _ON_REQUEST if getattr(self, name) is None
        }
        if self.formatted_text is None and self.alternatives is not None:
            unasked["alternatives"] = {"__all__": {"formatted_text"}}
        return self.model_dump_json(exclude=unasked)

    @classmethod
    def of(cls, transcript: Transcript, *, words: bool, request_id: str) -> Self:
        """Render a transcript; times are rounded to milliseconds, never beyond the duration."""
        duration = round(transcript.duration, 3)
        formatted = transcript.formatted
        return cls(
            text=transcript.text,
            words=_words(transcript.words if words else (), duration),
            segments=_segments(transcript.segments, duration),
            confidence=_rounded(transcript.confidence),
            formatted_text=formatted.text if formatted else None,
            formatted_words=_words(formatted.words if words else (), duration)
            if formatted
            else None,
            formatted_segments=_segments(formatted.segments, duration) if formatted else None,
            language=transcript.language,
            model=transcript.model,
            duration=duration,
            decoder=transcript.decoder,
            lm=transcript.language_model,
            alternatives=[
                AlternativeBody.of(alternative, duration, words=words)
                for alternative in transcript.alternatives
            ]
            or None,
            audio=None if transcript.audio is None else AudioBody.of(transcript.audio),
            warnings=WarningBody.listed(transcript.notices),
            timing=TimingBody.of(transcript.timing),
            request_id=request_id,
        )


class ErrorDetail(BaseModel):
    """What was wrong."""

    message: str = Field(description="For a person: what was wrong and what is accepted.")
    type: str
    param: str | None = Field(description="The request field at fault, where there is one.")
    code: str = Field(description="For a program.")


class ErrorBody(BaseModel):
    """Every error of every route."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "message": "decoder is 'bream'; accepted: auto, greedy, beam or greedy+lm.",
                        "type": "invalid_request_error",
                        "param": "decoder",
                        "code": "invalid_request",
                    }
                }
            ]
        }
    )

    error: ErrorDetail


class RenderedBody(BaseModel):
    """A transcript in another format than JSON, inside a line of JSON."""

    content: str = Field(description="The whole file.")
    media_type: str = Field(examples=["text/vtt; charset=utf-8"])
    file_name: str = Field(description="A name to save it under.", examples=["speech.vtt"])


class BatchLineBody(BaseModel):
    """One line of an answer to several files: a result or an error, never both."""

    index: int = Field(ge=0, description="Which file it is, in the order they were sent, from 0.")
    name: str = Field(description="The file's name as it was sent.", examples=["speech.wav"])
    status: int = Field(description="What the file alone would have been answered with.")
    result: TranscriptionBody | RenderedBody | None = Field(
        None, description="Only with status 200; RenderedBody with a response_format but json."
    )
    error: ErrorDetail | None = Field(None, description="Only with another status.")
