"""Decodes emissions (log-probabilities) into words with times and confidences."""

from app.decoding.backends import BackendName, available_backends
from app.decoding.beam import BeamDecoder
from app.decoding.decoders import ModelDecoders, check_options, open_decoders
from app.decoding.greedy import GreedyDecoder
from app.decoding.language_model import LanguageModel, load_language_model
from app.decoding.pool import DecodingPool, needs_processes
from app.decoding.types import Decoder, DecodingOptions, Hotword, Hypothesis, SpeechScore

__all__ = [
    "BackendName",
    "BeamDecoder",
    "Decoder",
    "DecodingOptions",
    "DecodingPool",
    "GreedyDecoder",
    "Hotword",
    "Hypothesis",
    "LanguageModel",
    "ModelDecoders",
    "SpeechScore",
    "available_backends",
    "check_options",
    "load_language_model",
    "needs_processes",
    "open_decoders",
]
