"""What all WebSockets share: close codes, and refusals that a page in a browser can read."""

import json
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from app.api.errors import error_detail, error_response
from app.errors import NordlydError, OverloadedError, UnavailableError

SUBPROTOCOL = "nordlyd"
"""The subprotocol of /stream, for clients that offer several."""

OPENAI_SUBPROTOCOL = "realtime"
"""The subprotocol of OpenAI's Realtime API, which its pages offer."""

# RFC 6455, section 7.4.1, and IANA's registry.
NORMAL, GOING_AWAY, ABNORMAL, POLICY = 1000, 1001, 1006, 1008
INTERNAL, RESTART, TRY_AGAIN = 1011, 1012, 1013


def close_code(error: NordlydError) -> int:
    """Returns the code that closes a WebSocket of any protocol after that error was sent.

    1012 where the service is stopping, 1013 where the client may try again soon, 1008 for other
    errors of the client, 1011 for other errors of the service.
    """
    if isinstance(error, UnavailableError) and error.code == "draining":
        return RESTART
    if isinstance(error, OverloadedError | UnavailableError):
        return TRY_AGAIN
    return POLICY if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else INTERNAL


def is_broken(code: int | None) -> bool:
    """Returns whether a connection closed with that code was lost; its client may connect again."""
    return code not in {NORMAL, GOING_AWAY}


async def refuse(
    error: NordlydError, scope: Scope, receive: Receive, send: Send, *, subprotocol: str | None
) -> None:
    """Refuses a WebSocket before its route is called.

    Answers the handshake with the error as HTTP does. Browsers hide that answer from their page;
    a client that offered `subprotocol` gets the handshake, the error as a message, and a close.
    """
    if subprotocol is None or subprotocol not in scope["subprotocols"]:
        await error_response(error, scope)(scope, receive, send)
        return
    body = {"type": "error", "error": error_detail(error).model_dump()}
    await receive()
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    await send({"type": "websocket.send", "text": json.dumps(body, ensure_ascii=False)})
    await send({"type": "websocket.close", "code": close_code(error)})
