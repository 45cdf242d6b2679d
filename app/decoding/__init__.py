"""Emissions (log-probabilities) in, words with times and confidences out, and their segments."""

from app.decoding.backends import BackendName, available_backends
from app.decoding.beam import BeamDecoder
from app.decoding.greedy import GreedyDecoder
from app.decoding.language_model import LanguageModel, load_language_model
from app.decoding.options import BeamOptions, Hotword
from app.decoding.segments import segment_words
from app.decoding.types import Decoder, Hypothesis

__all__ = [
    "BackendName",
    "BeamDecoder",
    "BeamOptions",
    "Decoder",
    "GreedyDecoder",
    "Hotword",
    "Hypothesis",
    "LanguageModel",
    "available_backends",
    "load_language_model",
    "segment_words",
]
