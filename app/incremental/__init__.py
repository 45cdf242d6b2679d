"""A recording's emissions in as they are encoded, its text in final pieces out."""

from app.incremental.follower import Follower
from app.incremental.growing import GrowingText, TextDelta, TextListener
from app.incremental.pieces import Piece, PieceCutter

__all__ = ["Follower", "GrowingText", "Piece", "PieceCutter", "TextDelta", "TextListener"]
