"""Everything that happens to one recording: route, decode audio, encode, decode text."""

from app.pipeline.detection import DetectingRecognition
from app.pipeline.groups import EmissionStore, HalfPrecision
from app.pipeline.lifecycle import Service
from app.pipeline.loading import ModelLoader, ModelSource, open_model_decoders
from app.pipeline.model_engine import LocalEngine, ModelEngine
from app.pipeline.options import SearchLimits
from app.pipeline.recognition import LocalRecognition, Recognition
from app.pipeline.requests import (
    AcousticModel,
    AvailableModel,
    DecodedRequest,
    LoadedModel,
    ModelFacts,
    PipelineOptions,
    Progress,
    Route,
    TranscriptionRequest,
)
from app.pipeline.routing import ModelRegistry
from app.pipeline.transcriber import Transcriber
from app.pipeline.workload import Work

__all__ = [
    "AcousticModel",
    "AvailableModel",
    "DecodedRequest",
    "DetectingRecognition",
    "EmissionStore",
    "HalfPrecision",
    "LoadedModel",
    "LocalEngine",
    "LocalRecognition",
    "ModelEngine",
    "ModelFacts",
    "ModelLoader",
    "ModelRegistry",
    "ModelSource",
    "PipelineOptions",
    "Progress",
    "Recognition",
    "Route",
    "SearchLimits",
    "Service",
    "Transcriber",
    "TranscriptionRequest",
    "Work",
    "open_model_decoders",
]
