"""Live audio in, words out while they are being said."""

from app.streaming.types import (
    Endpointing,
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveStream,
    LiveStreams,
    LiveWord,
    PartialResult,
    SpeechStarted,
)

__all__ = [
    "EndpointReached",
    "Endpointing",
    "FinalResult",
    "LiveEvent",
    "LiveOptions",
    "LiveStream",
    "LiveStreams",
    "LiveWord",
    "PartialResult",
    "SpeechStarted",
]
