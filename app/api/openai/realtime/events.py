"""The events of OpenAI's Realtime API: text of a client in, checked; events of ours out."""

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
    """An id as OpenAI writes them, such as `item_…`."""
    return f"{kind}_{secrets.token_hex(10)}"


def event(name: str, **fields: object) -> Event:
    """One event of the server."""
    return {"type": name, "event_id": new_id("event"), **fields}


def error_event(error: NordlydError, caused_by: str | None) -> Event:
    """What the client did wrong, or what failed; `caused_by` is the id of its event."""
    return event("error", error=error_detail(error).model_dump() | {"event_id": caused_by})


def read_event(text: str) -> Event:
    """Read what a client sent.

    Raises:
        InvalidRequestError: it is no event, or none that is accepted.
    """
    try:
        read = read_json(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise InvalidRequestError("The message is no JSON object.")
    if read.get("type") not in ACCEPTED:
        raise InvalidRequestError(
            f"type is {read.get('type')!r}; accepted: {', '.join(ACCEPTED)}.", param="type"
        )
    return read


def event_id(text: str) -> str | None:
    """The id that a client gave its event, if it can be read and has one."""
    try:
        given = read_json(text).get("event_id")
    except (ValueError, AttributeError):
        return None
    return given if isinstance(given, str) else None


def read_audio(append: Event) -> bytes:
    """The bytes of an `input_audio_buffer.append`.

    Raises:
        InvalidRequestError: there are none, or too many.
    """
    audio = append.get("audio")
    try:
        # Anything but text is no base64 either.
        data = base64.b64decode(audio if isinstance(audio, str) else "?", validate=True)
    except ValueError:
        raise InvalidRequestError("audio is not in base64.", param="audio") from None
    if len(data) > MAX_APPEND_BYTES:
        raise InvalidRequestError(
            f"audio is {len(data) / 2**20:.1f} MiB; accepted: {MAX_APPEND_BYTES / 2**20:g} MiB.",
            param="audio",
        )
    return data
