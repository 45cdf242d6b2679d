"""GET /admin/profile: where the process spends its time."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.admin.profiler import ProfileFormat, Profiler
from app.api.incoming import run_until_disconnect
from app.api.openapi import ERRORS, openapi_parameters
from app.api.requested import gather
from app.api.state import AppStateOf
from app.contract.errors import ErrorBody
from app.pipeline.options import parse_options

router = APIRouter(prefix="/admin", tags=["administration"])

_MEDIA_TYPES: dict[ProfileFormat, str] = {
    "speedscope": "application/json",
    "flamegraph": "image/svg+xml",
    "raw": "text/plain; charset=utf-8",
}
_SUFFIXES: dict[ProfileFormat, str] = {"speedscope": "json", "flamegraph": "svg", "raw": "txt"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {} for kind in _MEDIA_TYPES.values()}},
    501: {"model": ErrorBody, "description": "py-spy is missing, or the system forbids it."},
    **{status: ERRORS[status] for status in (400, 401, 403, 429)},
}

_profiler = Profiler()


class ProfileParameters(BaseModel):
    """The query of GET /admin/profile."""

    model_config = ConfigDict(extra="forbid")

    seconds: int = Field(10, ge=1, le=300, description="How long to sample.")
    format: ProfileFormat = Field(
        "speedscope", description="speedscope's JSON, a flame graph as SVG, or folded stacks."
    )


@router.get(
    "/profile",
    summary="Where does the time go?",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra={"parameters": openapi_parameters(ProfileParameters)},
)
async def profile(request: Request, state: AppStateOf) -> Response:
    """Samples every thread for some seconds, by py-spy, and answers with the profile."""
    parameters = parse_options(ProfileParameters, gather(request.query_params.multi_items()))
    body = await run_until_disconnect(
        request,
        _profiler.record(parameters.seconds, parameters.format),
        cut_off=state.service.cut_off,
    )
    name = f"nordlyd-profile.{_SUFFIXES[parameters.format]}"
    return Response(
        body,
        media_type=_MEDIA_TYPES[parameters.format],
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
