"""AssemblyAI's form of an error: {"error": "…"}, with the statuses that its clients know."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from app.errors import NordlydError


class AssemblyAIErrorBody(BaseModel):
    """Every error of AssemblyAI's routes."""

    error: str = Field(description="For a person: what was wrong and what is accepted.")


# All others keep theirs.
_STATUSES: Mapping[int, int] = {409: 400, 412: 400, 415: 400, 422: 400, 501: 500, 507: 503}

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"model": AssemblyAIErrorBody, "description": description}
    for status, description in {
        400: "A parameter is wrong or not served, or the transcript is not completed.",
        401: "No API key, or a wrong one.",
        403: "The API key does not have the scope for this.",
        404: "The caller has no such transcript, or no such model is loaded.",
        413: "The upload is over the limit.",
        429: "The space for audio is full; Retry-After gives the time of a retry.",
        503: "Loading, draining, or without room for the recording.",
    }.items()
}
"""The errors of AssemblyAI's routes, for the OpenAPI page."""


def assemblyai_status(error: NordlydError) -> int:
    """Returns the HTTP status of an error on AssemblyAI's routes."""
    return _STATUSES.get(error.status, error.status)


def assemblyai_error(error: NordlydError) -> AssemblyAIErrorBody:
    """Returns an error in AssemblyAI's form."""
    return AssemblyAIErrorBody(error=error.message)
