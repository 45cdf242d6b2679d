"""Client of a Nordlyd server: `Client` blocks, `AsyncClient` is awaited."""

from nordlyd_client.aio import AsyncClient
from nordlyd_client.contract.answers import (
    AlignedCharacter,
    AlignedWord,
    Alternative,
    AudioFile,
    Notice,
    Segment,
    Timing,
    Track,
    Word,
)
from nordlyd_client.contract.jobs import Job, JobEvent, JobPage, JobStatus
from nordlyd_client.contract.speakers import KnownSpeaker
from nordlyd_client.contract.stream import (
    End,
    Endpoint,
    Final,
    Partial,
    Ready,
    SpeechStart,
    StreamAlternative,
    StreamWord,
)
from nordlyd_client.errors import (
    BusyError,
    ClientError,
    InvalidRequestError,
    RefusedError,
    ServerFailedError,
    TimedOutError,
    UnauthorisedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from nordlyd_client.events import LiveEvent
from nordlyd_client.live import Pcm
from nordlyd_client.retries import Retries
from nordlyd_client.session import FileResult
from nordlyd_client.sync import Client
from nordlyd_client.uploads import Audio
from nordlyd_client.values import Alignment, Health, ModelInfo, Queue, Transcription

__all__ = [
    "AlignedCharacter",
    "AlignedWord",
    "Alignment",
    "Alternative",
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
    "InvalidRequestError",
    "Job",
    "JobEvent",
    "JobPage",
    "JobStatus",
    "KnownSpeaker",
    "LiveEvent",
    "ModelInfo",
    "Notice",
    "Partial",
    "Pcm",
    "Queue",
    "Ready",
    "RefusedError",
    "Retries",
    "Segment",
    "ServerFailedError",
    "SpeechStart",
    "StreamAlternative",
    "StreamWord",
    "TimedOutError",
    "Timing",
    "Track",
    "Transcription",
    "UnauthorisedError",
    "UnexpectedAnswerError",
    "UnreachableError",
    "Word",
]
