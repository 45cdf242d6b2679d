"""/admin/log-level, /admin/queue and /admin/drain."""

from typing import Any

from fastapi import APIRouter, Request

from app.api.admin.bodies import body_schema, read_body
from app.api.openapi import ERRORS
from app.api.state import AppStateOf
from app.contract.admin import AdminQueue, CallerQueue, Drain, LogLevelBody
from app.logging import log_level, set_log_level

router = APIRouter(prefix="/admin", tags=["administration"])

_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 401, 403)}


@router.get("/log-level", summary="How much is logged?", responses=_ERRORS)
async def get_log_level() -> LogLevelBody:
    """The level of the service's own log lines."""
    return LogLevelBody(level=log_level())


@router.put(
    "/log-level",
    summary="Log more or less",
    responses=_ERRORS,
    openapi_extra=body_schema(LogLevelBody),
)
async def put_log_level(request: Request) -> LogLevelBody:
    """Holds until the next change or restart."""
    body = await read_body(request, LogLevelBody)
    set_log_level(body.level)
    return body


@router.get("/queue", summary="What waits, and whose is it?", responses=_ERRORS)
async def queue(state: AppStateOf) -> AdminQueue:
    """The audio that waits or runs, in all and by caller."""
    engine = state.service.engine
    status = engine.status()
    return AdminQueue(
        seconds=round(status.queue_audio_seconds, 3),
        limit_seconds=state.settings.max_queue_seconds,
        waiting_windows=status.queued_windows,
        running_windows=status.running,
        callers=tuple(
            CallerQueue(caller=caller, requests=requests, seconds=round(seconds, 3))
            for caller, (requests, seconds) in sorted(
                engine.callers().items(), key=lambda item: -item[1][1]
            )
        ),
    )


@router.post("/drain", summary="Accept no more work", status_code=202, responses=_ERRORS)
async def drain(state: AppStateOf) -> Drain:
    """Refuses new work from now on and finishes what was accepted, as SIGTERM does.

    The process stays until a signal ends it, so that a load balancer sees that it is not ready, and
    repeating this shows when it is idle. It does not accept work again without a restart.
    """
    service = state.service
    service.begin_drain()
    return Drain(state=service.readiness.state, idle=service.idle)
