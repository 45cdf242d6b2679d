"""GET /jobs/{id}/webhooks: how the delivery of a webhook went; and POST, which repeats it."""

from fastapi import APIRouter

from app.api.jobs.errors import NOT_FOUND, READ
from app.api.jobs.read import JobIdOf, OwnerOf
from app.api.state import AppStateOf
from app.contract.errors import ErrorBody
from app.contract.webhooks import WebhookDeliveries

router = APIRouter(tags=["jobs"])


@router.get("/jobs/{job_id}/webhooks", summary="Was the webhook delivered?", responses=NOT_FOUND)
async def list_deliveries(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> WebhookDeliveries:
    """The message to the webhook of a job, and how often it was sent."""
    found = await state.jobs.webhooks.deliveries(owner, job_id)
    return WebhookDeliveries(deliveries=tuple(found))


@router.post(
    "/jobs/{job_id}/webhooks",
    summary="Send the webhook again",
    status_code=202,
    responses={**READ, 409: {"model": ErrorBody, "description": "The job has not ended yet."}},
)
async def repeat_delivery(job_id: JobIdOf, state: AppStateOf, owner: OwnerOf) -> WebhookDeliveries:
    """Sends the webhook of a job that has ended, also where it was delivered or has failed.

    It has the `webhook-id` of before.
    """
    found = await state.jobs.webhooks.repeat(owner, job_id)
    return WebhookDeliveries(deliveries=tuple(found))
