"""Decodes a recording in final pieces of text while it is still being encoded."""

from app.pipeline.incremental.decoder import IncrementalDecoder
from app.pipeline.incremental.growing import GrowingText, TextDelta, TextListener
from app.pipeline.incremental.pieces import Piece, PieceCutter

__all__ = ["GrowingText", "IncrementalDecoder", "Piece", "PieceCutter", "TextDelta", "TextListener"]
