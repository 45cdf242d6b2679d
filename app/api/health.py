"""Health routes: probes for orchestrators, and an overview of the service's state."""

from importlib.metadata import version

from fastapi import APIRouter

from app.api.state import AppState, AppStateOf
from app.contract.errors import ErrorBody
from app.contract.health import Health, Live, ModelInfo, Queue, Ready
from app.errors import InvalidRequestError
from app.speakers import DiarizationOptions

router = APIRouter(prefix="/health", tags=["operations"])


@router.get("/live", summary="Does the process answer?")
async def live() -> Live:
    """200 as long as the event loop runs; restart the process when this does not answer."""
    return Live(status="live")


@router.get(
    "/ready",
    summary="Is new work welcome?",
    responses={503: {"model": ErrorBody, "description": "Loading, draining, hung or failed."}},
)
async def ready(state: AppStateOf) -> Ready:
    """200 only while every configured model is loaded and its device thread answers."""
    state.service.check_ready()
    return Ready(status="ready")


@router.get("", summary="What runs here?")
async def health(state: AppStateOf) -> Health:
    """Version, models and queue; always 200, the state is in the body."""
    readiness = state.service.readiness
    status = state.service.engine.status()
    diarize = _can_diarize(state)
    return Health(
        version=version("nordlyd"),
        state=readiness.state,
        reason=readiness.reason or None,
        models=[
            ModelInfo(
                id=model.card.id,
                title=model.card.title,
                hub=model.card.hub,
                languages=list(model.card.languages),
                language_models=list(model.facts.language_models),
                damaged_language_models=list(model.facts.damaged_language_models),
                device=model.facts.device,
                dtype=model.facts.dtype,
                kernels=model.facts.kernels,
                decoder=model.facts.decoder,
                parameters=model.facts.parameters,
            )
            for model in state.service.transcriber.models
        ],
        keeps_corrections=state.jobs.corrections.kept_for_training,
        diarize=diarize,
        known_speakers=diarize and state.known_speakers.enabled,
        queue=Queue(
            seconds=round(status.queue_audio_seconds, 3),
            limit_seconds=state.settings.max_queue_seconds,
        ),
    )


def _can_diarize(state: AppState) -> bool:
    try:
        state.service.transcriber.check_diarization(DiarizationOptions())
    except InvalidRequestError:
        return False
    return True
