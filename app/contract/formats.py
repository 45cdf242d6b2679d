"""The formats of a transcript, by the values of `response_format`."""

from typing import Literal, TypeAlias

TextFileFormat: TypeAlias = Literal[
    "text", "md", "f4",
    "srt", "vtt", "ttml",
    "tsv", "textgrid", "eaf", "exb",
    "ctm", "stm", "rttm",
]  # fmt: skip
"""Formats that are text, in UTF-8."""
BinaryFileFormat: TypeAlias = Literal["docx", "stl"]
"""Formats that are no text."""
FileFormat: TypeAlias = Literal[TextFileFormat, BinaryFileFormat]
"""Formats of files, all but json."""
ResponseFormat: TypeAlias = Literal["json", FileFormat]
SubtitleFormat: TypeAlias = Literal["srt", "vtt", "ttml", "stl"]
"""Formats of subtitles, which are cut by rules."""
ReadingFormat: TypeAlias = Literal["text", "md", "f4", "docx"]
"""Formats for reading, which have a layout."""
