"""The events of a live stream: those of the contract, read from the messages of `WS /stream`.

Every time is in seconds from the first sample of the stream.
"""

from typing import Any, TypeAlias, cast

from pydantic import ValidationError

from nordlyd_client.contract import stream
from nordlyd_client.contract.stream import End, Endpoint, Final, Partial, Ready, SpeechStart
from nordlyd_client.errors import UnexpectedAnswerError

LiveEvent: TypeAlias = Ready | SpeechStart | Partial | Endpoint | Final | End
"""What a stream yields; an error is raised instead."""

_YIELDED = stream.EVENT_TYPES - {"error"}


def read_event(message: dict[str, Any]) -> LiveEvent | None:
    """Reads one message that is no error; returns None for a type that only a newer server has.

    Raises:
        UnexpectedAnswerError: it is no message of a live stream.
    """
    if message.get("type") not in _YIELDED:
        return None
    try:
        return cast("LiveEvent", stream.read_event(message))
    except ValidationError as error:
        raise UnexpectedAnswerError(f"The stream sent what Nordlyd does not: {error}") from None


def received_until(event: LiveEvent) -> float:
    """Returns the seconds of audio that the server has received for sure; 0 if unknown."""
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
