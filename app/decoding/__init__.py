"""Emissions (log-probabilities) in, words with times and confidences out, and their segments."""

from app.decoding.greedy import GreedyDecoder
from app.decoding.segments import segment_words
from app.decoding.types import Decoder, Hypothesis

__all__ = ["Decoder", "GreedyDecoder", "Hypothesis", "segment_words"]
