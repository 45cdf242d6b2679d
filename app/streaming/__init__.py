"""Live audio in, words out while they are being said."""

from app.streaming.feeding import decoded
from app.streaming.pcm import PcmInput
from app.streaming.streams import StreamLimits, Streams
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
from app.streaming.voice import find_voice_model

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
    "PcmInput",
    "SpeechStarted",
    "StreamLimits",
    "Streams",
    "decoded",
    "find_voice_model",
]
