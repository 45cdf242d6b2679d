"""Renders transcripts that callers send in other formats, in processes of their own."""

from app.rendering.pool import NotATranscriptError, RenderPool
from app.rendering.transcripts import GivenTranscript

__all__ = ["GivenTranscript", "NotATranscriptError", "RenderPool"]
