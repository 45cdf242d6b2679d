"""GET /progress/{id}: the encoding progress of a request."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.openapi import ERRORS
from app.api.state import AppStateOf
from app.pipeline.progress import Advance

router = APIRouter(tags=["transcription"])


class ProgressBody(BaseModel):
    """How far a request is."""

    running: bool = Field(description="False before its body has come, and once it is answered.")
    done: int = Field(description="Windows of the recording that are encoded.")
    windows: int = Field(description="All windows; 0 until the recording is decoded.")


@router.get(
    "/progress/{request_id:path}",
    summary="How far is a request?",
    responses={401: ERRORS[401]},
)
async def progress(request_id: str, state: AppStateOf) -> ProgressBody:
    """Windows encoded so far of the POST /transcribe or /align with that `x-request-id`."""
    advance = state.progress.of(request_id)
    known = advance or Advance()
    return ProgressBody(running=advance is not None, done=known.done, windows=known.windows)
