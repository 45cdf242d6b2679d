"""What a request says of raw samples, in its parameters or its content type; a format out.

The types are those of RFC 2046 (`audio/basic`), RFC 2586 and 3551 (`audio/L16`) and RFC 4856
(`audio/PCMU`, `audio/PCMA`), and the unregistered ones that telephony programs write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from app.audio import DecodeOptions, RawFormat
from app.errors import InvalidRequestError

_TELEPHONE_RATE = 8000
# What an AU file begins with: `audio/basic` is what many programs call one of these.
_AU_MAGIC = b".snd"


@dataclass(frozen=True, slots=True)
class _RawType:
    """What a content type says: the samples' encoding, and their rate where it is implied."""

    encoding: str
    rate: int | None = None


_TYPES: Mapping[str, _RawType] = {
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


class RawParameters(Protocol):
    """The parameters of every route that takes raw samples."""

    encoding: str | None
    rate: int | None
    channels: int | None


def raw_format(
    parameters: RawParameters, content_type: str | None, audio: BinaryIO | None = None
) -> RawFormat | None:
    """Returns how to read raw samples, or None where the bytes say themselves what they are.

    Parameters go before the content type.

    Args:
        parameters: of the request.
        content_type: of the body or of the form's part, with its own parameters.
        audio: the bytes at their beginning, where they are stored; read a little and rewound.

    Raises:
        InvalidRequestError: samples are declared raw without a rate, or a number is none.
    """
    essence, options = split_content_type(content_type)
    declared = _TYPES.get(essence)
    given = (parameters.encoding, parameters.rate, parameters.channels) != (None, None, None)
    if not given and (declared is None or (essence == "audio/basic" and _is_au(audio))):
        return None
    rate = parameters.rate or _whole(options.get("rate"), "rate")
    encoding = parameters.encoding
    if declared is not None:
        encoding = encoding or declared.encoding
        rate = rate or declared.rate
    if rate is None:
        raise InvalidRequestError(
            "Raw samples need their rate, as in `audio/pcm;rate=16000` or "
            "`encoding=s16le&rate=16000`.",
            param="rate",
        )
    channels = parameters.channels or _whole(options.get("channels"), "channels") or 1
    return RawFormat(rate=rate, encoding=encoding or "s16le", channels=channels)


@dataclass(slots=True)
class Undeclared:
    """No parameters of raw samples, where only a content type can say what they are."""

    encoding: str | None = None
    rate: int | None = None
    channels: int | None = None


class RecordingParameters(RawParameters, Protocol):
    """The parameters of our own routes that say how a recording is read."""

    track: str | None
    strict: bool


def decode_options(
    parameters: RecordingParameters, content_type: str | None, audio: BinaryIO | None = None
) -> DecodeOptions:
    """Returns how a recording is to be read; the arguments are those of `raw_format`.

    Raises:
        InvalidRequestError: as `raw_format`.
    """
    raw = raw_format(parameters, content_type, audio)
    return DecodeOptions(raw, parameters.track, parameters.strict)


def split_content_type(header: str | None) -> tuple[str, dict[str, str]]:
    """Returns a content type in lower case and its parameters, whose names are in lower case."""
    essence, *parts = (header or "").split(";")
    options = {
        key.strip().lower(): value.strip().strip('"')
        for key, _, value in (part.partition("=") for part in parts)
    }
    return essence.strip().lower(), options


def _is_au(audio: BinaryIO | None) -> bool:
    if audio is None:
        return False
    start = audio.read(len(_AU_MAGIC))
    audio.seek(0)
    return start == _AU_MAGIC


def _whole(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):  # noqa: PLR2004
        raise InvalidRequestError(
            f"{name} in the content type is {text!r}; accepted: a whole number above 0.",
            param=name,
        )
    return int(text)
