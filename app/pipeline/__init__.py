"""Everything that happens to one recording: route, decode audio, encode, decode text."""

from app.pipeline.groups import EmissionStore, HalfPrecision
from app.pipeline.lifecycle import Service
from app.pipeline.loading import ModelLoader, ModelSource, open_model_decoders
from app.pipeline.options import SearchLimits
from app.pipeline.requests import (
    AcousticModel,
    LoadedModel,
    PipelineOptions,
    Progress,
    Route,
    TranscriptionRequest,
)
from app.pipeline.transcriber import Transcriber
from app.pipeline.workload import Work

__all__ = [
    "AcousticModel",
    "EmissionStore",
    "HalfPrecision",
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
