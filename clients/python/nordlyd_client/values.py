"""The answers of a server, read from JSON: those of the contract, and how they came.

Every time is in seconds from the start of the audio, every confidence in 0..1.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from nordlyd_client.contract import answers
from nordlyd_client.contract.answers import AudioFile, Notice
from nordlyd_client.errors import UnexpectedAnswerError

_T = TypeVar("_T")
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription(answers.Transcript):
    """The answer of POST /transcribe; an older server sends neither `audio` nor `warnings`."""

    audio: AudioFile | None = None
    """What the recording's file is."""
    warnings: tuple[Notice, ...] = ()
    """What there is to know about the recording."""
    body: str = field(default="", repr=False, compare=False)
    """The answer as it came, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment(answers.Alignment):
    """The answer of POST /align; an older server sends neither `audio` nor `warnings`."""

    audio: AudioFile | None = None
    """What the recording's file is."""
    warnings: tuple[Notice, ...] = ()
    """What there is to know about the recording."""
    body: str = field(default="", repr=False, compare=False)
    """The answer as it came, as JSON."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model the server has loaded."""

    id: str
    hub: str | None
    languages: tuple[str, ...]
    device: str
    dtype: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Audio that waits or runs, in seconds; above the limit requests are refused."""

    seconds: float
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a server: loading, ready, draining, hung or failed."""

    version: str
    state: str
    reason: str | None
    models: tuple[ModelInfo, ...]
    queue: Queue


TRANSCRIPTION = TypeAdapter(Transcription)
ALIGNMENT = TypeAdapter(Alignment)
HEALTH = TypeAdapter(Health)


def read_value(kind: TypeAdapter[_T], text: str, *, request_id: str | None = None) -> _T:
    """Reads one of the values above; fields that a newer server adds are ignored.

    Raises:
        UnexpectedAnswerError: the text is something else.
    """
    try:
        content: Any = from_json(text)
        return kind.validate_python(
            {**content, "body": text} if isinstance(content, dict) else content
        )
    except ValidationError as error:
        reason = "; ".join(
            f"{'.'.join(map(str, issue['loc']))}: {issue['msg']}"
            for issue in error.errors(include_url=False)
        )
    except ValueError:
        reason = f"it is no JSON: {' '.join(text.split())}"
    raise UnexpectedAnswerError(
        f"The answer is not what Nordlyd sends: {reason[:_SHOWN]}", request_id=request_id
    )
