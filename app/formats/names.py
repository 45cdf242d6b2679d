"""The formats by name: their media types and file extensions."""

from dataclasses import dataclass
from typing import get_args

from ..contract.options import ResponseFormat

FORMATS: tuple[str, ...] = get_args(ResponseFormat)


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A format's name, media type, and file extension without its dot."""

    name: str
    media_type: str
    extension: str

    def file_name(self, recording: str) -> str:
        """Returns the name of a file with the transcript of a recording, such as `møte.srt`."""
        return f"{recording}.{self.extension}"


_KNOWN = (
    FormatInfo("json", "application/json", "json"),
    FormatInfo("text", "text/plain; charset=utf-8", "txt"),
    FormatInfo("srt", "application/x-subrip; charset=utf-8", "srt"),
    FormatInfo("vtt", "text/vtt; charset=utf-8", "vtt"),
    FormatInfo("tsv", "text/tab-separated-values; charset=utf-8", "tsv"),
    FormatInfo("textgrid", "text/praat-textgrid; charset=utf-8", "TextGrid"),
    FormatInfo("eaf", "application/xml", "eaf"),
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
