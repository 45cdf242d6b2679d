"""Everything that happens to one recording: route, decode audio, encode, decode text."""

from app.pipeline.lifecycle import Service
from app.pipeline.loading import ModelLoader, ModelSource, open_model_decoders
from app.pipeline.requests import (
    AcousticModel,
    LoadedModel,
    PipelineOptions,
    Progress,
    Route,
    TranscriptionRequest,
)
from app.pipeline.search_limits import SearchLimits
from app.pipeline.transcriber import Transcriber
from app.pipeline.workload import Work

__all__ = [
    "AcousticModel",
    "LoadedModel",
    "ModelLoader",
    "ModelSource",
    "PipelineOptions",
    "Progress",
    "Route",
    "SearchLimits",
    "Service",
    "Transcriber",
    "TranscriptionRequest",
    "Work",
    "open_model_decoders",
]
