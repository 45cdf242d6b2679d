"""Recordings in, text from a Nordlyd server out: a client to call, and one to await."""

from app.client.aio import AsyncClient
from app.client.errors import (
    BusyError,
    ClientError,
    RefusedError,
    ServerFailedError,
    TimedOutError,
    UnauthorisedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from app.client.events import (
    End,
    Endpoint,
    Final,
    LiveEvent,
    LiveWord,
    Partial,
    Ready,
    SpeechStart,
)
from app.client.live import Pcm
from app.client.retries import Retries
from app.client.session import FileResult
from app.client.sync import Client
from app.client.uploads import Audio
from app.client.values import (
    AlignedCharacter,
    AlignedWord,
    Alignment,
    Alternative,
    AnswerWarning,
    AudioFile,
    Health,
    ModelInfo,
    Queue,
    Segment,
    Timing,
    Track,
    Transcription,
    Word,
)

__all__ = [
    "AlignedCharacter",
    "AlignedWord",
    "Alignment",
    "Alternative",
    "AnswerWarning",
    "AsyncClient",
    "Audio",
    "AudioFile",
    "BusyError",
    "Client",
    "ClientError",
    "End",
    "Endpoint",
    "FileResult",
    "Final",
    "Health",
    "LiveEvent",
    "LiveWord",
    "ModelInfo",
    "Partial",
    "Pcm",
    "Queue",
    "Ready",
    "RefusedError",
    "Retries",
    "Segment",
    "ServerFailedError",
    "SpeechStart",
    "TimedOutError",
    "Timing",
    "Track",
    "Transcription",
    "UnauthorisedError",
    "UnexpectedAnswerError",
    "UnreachableError",
    "Word",
]
