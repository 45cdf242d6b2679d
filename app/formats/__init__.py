"""Transcripts in, the formats people ask for out: subtitles and annotation tools."""

from app.formats.aligned import as_transcript
from app.formats.ctm import to_ctm
from app.formats.eaf import to_eaf
from app.formats.srt import to_srt
from app.formats.textgrid import to_textgrid

__all__ = ["as_transcript", "to_ctm", "to_eaf", "to_srt", "to_textgrid"]
