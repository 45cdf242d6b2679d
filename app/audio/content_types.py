"""Determines how to decode a recording from its content type and options.

The types are those of RFC 2046 (`audio/basic`), RFC 2586 and 3551 (`audio/L16`) and RFC 4856
(`audio/PCMU`, `audio/PCMA`), and the unregistered ones that telephony programs write.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol, Self

from app.audio.options import DecodeOptions, RawFormat
from app.errors import InvalidRequestError

_TELEPHONE_RATE = 8000
# The first bytes of an AU file, which many programs send as `audio/basic`.
_AU_MAGIC = b".snd"
_MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ContentType:
    """A parsed content type.

    Attributes:
        header: as it was sent; None where it was not.
        essence: such as `audio/l16`, in lower case; empty where there is none.
        parameters: values by name; names are in lower case.
    """

    header: str | None = None
    essence: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, header: str | None) -> Self:
        """Returns the content type in a header."""
        essence, *parts = (header or "").split(";")
        parameters = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (part.partition("=") for part in parts)
        }
        return cls(header, essence.strip().lower(), parameters)

    @property
    def is_multipart(self) -> bool:
        """Whether the body is a form or another list of parts."""
        return self.essence.startswith("multipart/")


@dataclass(frozen=True, slots=True)
class _RawType:
    """The encoding of samples, and their rate where the type implies one."""

    encoding: str
    rate: int | None = None


_RAW_TYPES: Mapping[str, _RawType] = {
    "audio/pcm": _RawType("s16le"),
    "audio/x-pcm": _RawType("s16le"),
    "audio/raw": _RawType("s16le"),
    # Network byte order.
    "audio/l16": _RawType("s16be"),
    "audio/basic": _RawType("mulaw", _TELEPHONE_RATE),
    "audio/pcmu": _RawType("mulaw", _TELEPHONE_RATE),
    "audio/mulaw": _RawType("mulaw", _TELEPHONE_RATE),
    "audio/x-mulaw": _RawType("mulaw", _TELEPHONE_RATE),
    "audio/pcma": _RawType("alaw", _TELEPHONE_RATE),
    "audio/alaw": _RawType("alaw", _TELEPHONE_RATE),
    "audio/x-alaw": _RawType("alaw", _TELEPHONE_RATE),
}


class RecordingOptions(Protocol):
    """The options of a request for decoding its recordings."""

    track: str | None
    strict: bool
    encoding: str | None
    rate: int | None

    @property
    def channels(self) -> int | Literal["separate"] | None:
        """How many channels raw samples have, or that channels are to be taken apart."""


def raw_format(
    content_type: ContentType,
    audio: BinaryIO | None = None,
    *,
    encoding: str | None = None,
    rate: int | None = None,
    channels: int | None = None,
) -> RawFormat | None:
    """Returns the format of raw samples; None where the bytes have a format of their own.

    Options take precedence over the content type.

    Args:
        content_type: of the body or of the form's part.
        audio: the bytes at their beginning, where they are stored; a few are read, and it is
            rewound.
        encoding: option of the request.
        rate: the same, in Hz.
        channels: the same.

    Raises:
        InvalidRequestError: raw samples have no rate, or the content type has a number that is
            not one.
    """
    declared = _RAW_TYPES.get(content_type.essence)
    given = (encoding, rate, channels) != (None, None, None)
    if not given and (
        declared is None or (content_type.essence == "audio/basic" and _is_au(audio))
    ):
        return None
    rate = rate or _number(content_type, "rate")
    if declared is not None:
        encoding = encoding or declared.encoding
        rate = rate or declared.rate
    if rate is None:
        raise InvalidRequestError(
            "Raw samples need their rate, as in `audio/pcm;rate=16000` or "
            "`encoding=s16le&rate=16000`.",
            param="rate",
        )
    channels = channels or _number(content_type, "channels") or 1
    return RawFormat(rate=rate, encoding=encoding or "s16le", channels=channels)


def decode_options(
    options: RecordingOptions,
    content_type: ContentType | None = None,
    audio: BinaryIO | None = None,
) -> DecodeOptions:
    """Returns how to decode a recording; `content_type` and `audio` are those of `raw_format`.

    Raises:
        InvalidRequestError: as `raw_format`.
    """
    separate = options.channels == "separate"
    raw = raw_format(
        content_type or ContentType(),
        audio,
        encoding=options.encoding,
        rate=options.rate,
        channels=None if options.channels == "separate" else options.channels,
    )
    return DecodeOptions(raw, options.track, options.strict, separate)


def _is_au(audio: BinaryIO | None) -> bool:
    if audio is None:
        return False
    start = audio.read(len(_AU_MAGIC))
    audio.seek(0)
    return start == _AU_MAGIC


def _number(content_type: ContentType, name: str) -> int | None:
    text = content_type.parameters.get(name)
    if text is None:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    if not is_number or not int(text):
        raise InvalidRequestError(
            f"{name} in the content type is {text!r}; accepted: a whole number above 0.",
            param=name,
        )
    return int(text)
