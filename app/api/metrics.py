"""GET /metrics: the service's metrics in the Prometheus text format."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.state import AppStateOf

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text format."}},
)
async def metrics(state: AppStateOf) -> Response:
    """Requests, queue, batches, stages and failures; see `app/telemetry.py` for every name."""
    return Response(generate_latest(state.telemetry), media_type=CONTENT_TYPE_LATEST)
