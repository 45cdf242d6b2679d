"""WS /v1/realtime: OpenAI's Realtime transcription; docs/openai.md."""

from fastapi import APIRouter, WebSocket

from app.api.openai.names import live_model
from app.api.openai.realtime.conversation import Conversation
from app.api.openai.realtime.session import Session, first_session
from app.api.sockets import OPENAI_SUBPROTOCOL, refuse
from app.api.state import AppState, AppStateOf
from app.errors import InvalidRequestError, NordlydError

_INTENT = "transcription"

router = APIRouter()


@router.websocket("/v1/realtime")
async def realtime(socket: WebSocket, state: AppStateOf) -> None:
    """Serves one client as OpenAI's Realtime API does."""
    try:
        session = _begin(socket, state)
    except NordlydError as error:
        socket.state.error_code = error.code
        await refuse(
            error, socket.scope, socket.receive, socket.send, subprotocol=OPENAI_SUBPROTOCOL
        )
        return
    offered = OPENAI_SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(subprotocol=OPENAI_SUBPROTOCOL if offered else None)
    await Conversation(socket, state, session).run()


def _begin(socket: WebSocket, state: AppState) -> Session:
    """Returns the session that the client's address describes.

    Raises:
        InvalidRequestError: its intent is not transcription.
        UnknownModelError: no such model is loaded.
        UnavailableError: no new work is accepted.
    """
    state.service.check_ready()
    query = socket.query_params
    intent = query.get("intent", _INTENT)
    if intent != _INTENT:
        raise InvalidRequestError(f"intent is {intent!r}; accepted: {_INTENT}.", param="intent")
    model = query.get("model")
    state.service.transcriber.route(live_model(model), None)
    return first_session(model)
