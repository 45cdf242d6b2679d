"""A recording's emissions in as they are encoded, its text in final pieces out."""

from app.pipeline.incremental.decoder import IncrementalDecoder
from app.pipeline.incremental.growing import GrowingText, TextDelta, TextListener
from app.pipeline.incremental.pieces import Piece, PieceCutter

__all__ = ["GrowingText", "IncrementalDecoder", "Piece", "PieceCutter", "TextDelta", "TextListener"]
