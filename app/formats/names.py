"""The name of a format in, its media type and file extension out.

One table for every protocol and the command line: what they accept is what is here.
"""

from dataclasses import dataclass

from app.errors import InvalidRequestError

FORMATS: tuple[str, ...] = ("json", "text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm")


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """What a format is called where files and HTTP meet; the extension comes without its dot."""

    name: str
    media_type: str
    extension: str

    def file_name(self, recording: str) -> str:
        """The name to save the transcript of a recording under, such as `møte.srt`."""
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
)


def describe(name: str) -> FormatInfo:
    """Say what a format is.

    Args:
        name: one of `FORMATS`.

    Raises:
        InvalidRequestError: there is no such format.
    """
    for known in _KNOWN:
        if known.name == name:
            return known
    accepted = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    raise InvalidRequestError(
        f"the format is {name!r}; accepted: {accepted}.", param="response_format"
    )
