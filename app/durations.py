"""Lengths of time as operators write them, and rules of how long something is kept."""

import re
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, TypeAdapter, ValidationError

ACCEPTED = "such as 30m, 12h, 7d or 1d12h, as ISO 8601 (P7D), or in seconds"

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(rf"(\d+(?:\.\d+)?)([{''.join(_UNITS)}])")
_PARTS = re.compile(rf"({_PART.pattern})+")
_SECONDS = re.compile(r"\d+(\.\d+)?")
_ISO = TypeAdapter(timedelta)


def parse_duration(text: str) -> timedelta:
    """Returns a length of time of zero or more.

    Raises:
        ValueError: the text is none, or is negative; `ACCEPTED` names the forms.
    """
    compact = text.replace(" ", "").lower()
    try:
        if _SECONDS.fullmatch(compact):
            duration = timedelta(seconds=float(compact))
        elif _PARTS.fullmatch(compact):
            parts = _PART.findall(compact)
            duration = sum((timedelta(**{_UNITS[u]: float(n)}) for n, u in parts), timedelta(0))
        else:
            duration = _ISO.validate_python(text.strip())
    except (ValidationError, OverflowError):
        raise ValueError(f"{text!r} is no length of time: accepted is one {ACCEPTED}") from None
    if duration < timedelta(0):
        raise ValueError(f"{text!r} is negative")
    return duration


def format_duration(duration: timedelta) -> str:
    """Returns a length of time in its largest units, such as `7d` or `1h30m`."""
    left = round(duration.total_seconds())
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _parse_keep(value: object) -> object:
    if not isinstance(value, str) or value in {"until-fetched", "forever"}:
        return value
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError(
            f"must be until-fetched, forever, or a length of time {ACCEPTED}"
        ) from None


Keep: TypeAlias = Annotated[
    timedelta | Literal["until-fetched", "forever"], BeforeValidator(_parse_keep)
]
"""How long something is kept once it is done; as a setting, read from text."""
