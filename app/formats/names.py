"""The formats by name: their media types and file extensions."""

from dataclasses import dataclass
from typing import get_args

from ..contract.formats import BinaryFileFormat, ResponseFormat

FORMATS: tuple[str, ...] = get_args(ResponseFormat)

_BINARY: tuple[str, ...] = get_args(BinaryFileFormat)
_OFFICE = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A format's name, media type, and file extension without its dot."""

    name: str
    media_type: str
    extension: str

    @property
    def binary(self) -> bool:
        """Whether its files are no text."""
        return self.name in _BINARY

    def file_name(self, recording: str) -> str:
        """Returns the name of a file with the transcript of a recording, such as `møte.srt`."""
        return f"{recording}.{self.extension}"


_KNOWN = (
    FormatInfo("json", "application/json", "json"),
    FormatInfo("text", "text/plain; charset=utf-8", "txt"),
    FormatInfo("md", "text/markdown; charset=utf-8", "md"),
    FormatInfo("docx", f"{_OFFICE}.wordprocessingml.document", "docx"),
    # Beside that of `text`.
    FormatInfo("f4", "text/plain; charset=utf-8", "f4.txt"),
    FormatInfo("srt", "application/x-subrip; charset=utf-8", "srt"),
    FormatInfo("vtt", "text/vtt; charset=utf-8", "vtt"),
    FormatInfo("ttml", "application/ttml+xml", "ttml"),
    FormatInfo("stl", "application/x-ebu-stl", "stl"),
    FormatInfo("tsv", "text/tab-separated-values; charset=utf-8", "tsv"),
    FormatInfo("textgrid", "text/praat-textgrid; charset=utf-8", "TextGrid"),
    FormatInfo("eaf", "application/xml", "eaf"),
    FormatInfo("exb", "application/xml", "exb"),
    FormatInfo("ctm", "text/plain; charset=utf-8", "ctm"),
    FormatInfo("stm", "text/plain; charset=utf-8", "stm"),
    FormatInfo("rttm", "text/plain; charset=utf-8", "rttm"),
)


def describe(name: str) -> FormatInfo:
    """Returns a format by its name.

    Args:
        name: one of `FORMATS`.

    Raises:
        ValueError: there is no such format.
    """
    for known in _KNOWN:
        if known.name == name:
            return known
    accepted = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    raise ValueError(f"the format is {name!r}; accepted: {accepted}.")
