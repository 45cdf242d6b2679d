"""The JSON of a server's answer in, the contract's values out."""

from typing import Any, TypeVar

from pydantic import TypeAdapter

from app.contract.answers import ALIGNMENT_ADAPTER, TRANSCRIPT_ADAPTER, Alignment, Transcript
from app.untrusted import read_json

_T = TypeVar("_T")


def as_transcript(body: str) -> Transcript:
    """Returns the answer of POST /transcribe."""
    return _read(TRANSCRIPT_ADAPTER, body)


def as_alignment(body: str) -> Alignment:
    """Returns the answer of POST /align."""
    return _read(ALIGNMENT_ADAPTER, body)


def _read(adapter: TypeAdapter[_T], body: str) -> _T:
    content: dict[str, Any] = read_json(body)
    # An older server sends neither of these.
    return adapter.validate_python({"audio": None, "warnings": [], **content})
