"""Everything that happens to one recording: route, decode audio, encode, decode text."""

from app.pipeline.lifecycle import ModelSource, Service, decoders_beside
from app.pipeline.requests import (
    AcousticModel,
    LoadedModel,
    PipelineOptions,
    Progress,
    Route,
    TranscriptionRequest,
)
from app.pipeline.transcriber import Transcriber

__all__ = [
    "AcousticModel",
    "LoadedModel",
    "ModelSource",
    "PipelineOptions",
    "Progress",
    "Route",
    "Service",
    "Transcriber",
    "TranscriptionRequest",
    "decoders_beside",
]
