"""Batching: many requests on the event loop, few batches on the device threads.

`Engine.encode` takes an `EncodeRequest` and returns `EncodedAudio` or raises an error of
`app.errors`.
"""

from app.engine.admission import RetrySchedule, seconds_ahead
from app.engine.engine import Engine
from app.engine.types import (
    Admission,
    EncodedAudio,
    Encoder,
    EncodeRequest,
    EngineOptions,
    EngineStatus,
    WindowCallback,
    revision_name,
)

__all__ = [
    "Admission",
    "EncodeRequest",
    "EncodedAudio",
    "Encoder",
    "Engine",
    "EngineOptions",
    "EngineStatus",
    "RetrySchedule",
    "WindowCallback",
    "revision_name",
    "seconds_ahead",
]
