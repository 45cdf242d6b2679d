"""Writers of transcripts: text, subtitles, and files of annotation tools.

The client ships these modules too, so they import one another and the contract relatively, and
nothing else of the service.
"""

from .aligned import as_transcript
from .names import FORMATS, FormatInfo, describe
from .rendering import Rendered, render
from .subtitles import SubtitleRules

__all__ = [
    "FORMATS",
    "FormatInfo",
    "Rendered",
    "SubtitleRules",
    "as_transcript",
    "describe",
    "render",
]
