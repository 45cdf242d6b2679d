"""The events of OpenAI's Realtime API: reads and checks a client's, makes those of the service."""

import base64
import secrets
from typing import Any

from app.api.errors import error_detail
from app.errors import InvalidRequestError, NordlydError
from app.untrusted import read_json

ACCEPTED = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
)
MAX_APPEND_BYTES = 15 * 2**20

Event = dict[str, Any]


class EmptyCommitError(InvalidRequestError):
    """There is too little audio to commit."""

    code = "input_audio_buffer_commit_empty"


def new_id(kind: str) -> str:
    """Returns a new id as OpenAI writes them, such as `item_…`."""
    return f"{kind}_{secrets.token_hex(10)}"


def event(name: str, **fields: object) -> Event:
    """Returns an event of the service."""
    return {"type": name, "event_id": new_id("event"), **fields}


def error_event(error: NordlydError, caused_by: str | None) -> Event:
    """Returns an error event; `caused_by` is the id of the client's event, if it has one."""
    return event("error", error=error_detail(error).model_dump() | {"event_id": caused_by})


def read_event(text: str) -> Event:
    """Reads a client's event.

    Raises:
        InvalidRequestError: it is not an event, or none that is accepted.
    """
    try:
        read = read_json(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise InvalidRequestError("The message is not a JSON object.")
    if read.get("type") not in ACCEPTED:
        raise InvalidRequestError(
            f"type is {read.get('type')!r}; accepted: {', '.join(ACCEPTED)}.", param="type"
        )
    return read


def event_id(text: str) -> str | None:
    """Returns the id that a client gave its event, if it can be read and has one."""
    try:
        given = read_json(text).get("event_id")
    except (ValueError, AttributeError):
        return None
    return given if isinstance(given, str) else None


def read_audio(append: Event) -> bytes:
    """Returns the audio of an `input_audio_buffer.append`.

    Raises:
        InvalidRequestError: there is none, or too much.
    """
    audio = append.get("audio")
    try:
        # Anything but text is not base64 either.
        data = base64.b64decode(audio if isinstance(audio, str) else "?", validate=True)
    except ValueError:
        raise InvalidRequestError("audio is not in base64.", param="audio") from None
    if len(data) > MAX_APPEND_BYTES:
        raise InvalidRequestError(
            f"audio is {len(data) / 2**20:.1f} MiB; accepted: {MAX_APPEND_BYTES / 2**20:g} MiB.",
            param="audio",
        )
    return data
