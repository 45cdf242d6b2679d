"""Transcripts in, the formats people ask for out: text, subtitles and annotation tools."""

from app.formats.aligned import as_transcript
from app.formats.names import FORMATS, FormatInfo, describe
from app.formats.rendering import Rendered, render

__all__ = ["FORMATS", "FormatInfo", "Rendered", "as_transcript", "describe", "render"]
