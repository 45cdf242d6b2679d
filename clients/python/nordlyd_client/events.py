"""Messages of a live stream in, events out; the field names are those of `WS /stream`.

Every time is in seconds from the first sample of the stream.
"""

from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, TypeAdapter, ValidationError

from nordlyd_client.contract.answers import Alternative
from nordlyd_client.errors import UnexpectedAnswerError

_KNOWN = frozenset({"ready", "speech_start", "partial", "endpoint", "final", "end"})


@dataclass(frozen=True, slots=True)
class LiveWord:
    """One word; a stable one is never taken back."""

    word: str
    start: float
    end: float
    confidence: float
    stable: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """The server listens; `received` is how many seconds of this session it already has."""

    type: Literal["ready"]
    session: str
    model: str
    language: str
    received: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStart:
    """Somebody began to speak."""

    type: Literal["speech_start"]
    utterance: int
    time: float


@dataclass(frozen=True, slots=True)
class Partial:
    """What an utterance says so far; `stable` is the beginning that is never taken back."""

    type: Literal["partial"]
    utterance: int
    text: str
    stable: str = ""
    words: tuple[LiveWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An utterance is over; its `Final` follows."""

    type: Literal["endpoint"]
    utterance: int
    time: float


@dataclass(frozen=True, slots=True)
class Final:
    """What an utterance said, for good."""

    type: Literal["final"]
    utterance: int
    start: float
    end: float
    text: str
    words: tuple[LiveWord, ...] = ()
    confidence: float | None = None
    formatted_text: str | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The stream is over after so many seconds of audio; always the last event."""

    type: Literal["end"]
    duration: float


LiveEvent: TypeAlias = Ready | SpeechStart | Partial | Endpoint | Final | End


def read_event(message: dict[str, Any]) -> LiveEvent | None:
    """Read one message; None for a kind that only a newer server knows.

    Raises:
        UnexpectedAnswerError: it is no message of a live stream.
    """
    if message.get("type") not in _KNOWN:
        return None
    try:
        event: LiveEvent = _adapter().validate_python(message)
    except ValidationError as error:
        raise UnexpectedAnswerError(f"The stream sent what Nordlyd does not: {error}") from None
    return event


def write_event(event: LiveEvent) -> dict[str, Any]:
    """The message that an event was read from, but for what nobody asked for."""
    message = asdict(event)
    for name in ("formatted_text", "alternatives"):
        if not message.get(name, True):
            del message[name]
    return message


def heard_until(event: LiveEvent) -> float:
    """Seconds of audio that the server must have received to send this; 0 where it is unknown."""
    match event:
        case Ready():
            return event.received
        case SpeechStart() | Endpoint():
            return event.time
        case Partial():
            return max((word.end for word in event.words), default=0.0)
        case Final():
            return event.end
        case End():
            return event.duration


@cache
def _adapter() -> TypeAdapter[LiveEvent]:
    return TypeAdapter(Annotated[LiveEvent, Discriminator("type")])
