"""Known transcripts in, the same in other formats out, by processes that do nothing else."""

from app.rendering.pool import NotATranscriptError, RenderPool
from app.rendering.transcripts import GivenTranscript

__all__ = ["GivenTranscript", "NotATranscriptError", "RenderPool"]
