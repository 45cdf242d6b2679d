"""Writers of transcripts: text, subtitles, and files of annotation tools.

The client ships these modules too, so they import one another and the contract relatively, and
nothing else of the service.
"""

from .aligned import as_transcript
from .names import FORMATS, FormatInfo, describe
from .rendering import Rendered, render
from .subtitle_check import Violation, check_subtitles
from .subtitle_reading import NoSubtitlesError, read_subtitles
from .subtitle_rules import RULES, rules_of
from .subtitles import SubtitleRules

__all__ = [
    "FORMATS",
    "RULES",
    "FormatInfo",
    "NoSubtitlesError",
    "Rendered",
    "SubtitleRules",
    "Violation",
    "as_transcript",
    "check_subtitles",
    "describe",
    "read_subtitles",
    "render",
    "rules_of",
]
