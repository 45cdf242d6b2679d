"""What AssemblyAI's webhooks send once a transcript is ready: its id and its status."""

import json

from app.api.assemblyai.answer import STATUSES
from app.api.assemblyai.transcripts import requested
from app.api.state import AppState
from app.contract.jobs import Job
from app.jobs import Owner, WebhookMessage


async def webhook_message(state: AppState, owner: Owner, job: Job) -> WebhookMessage:
    """Returns what to send to the webhook of a job that has ended."""
    request = await requested(state, owner, job)
    headers = {"content-type": "application/json"}
    if "webhook_auth_header_name" in request:
        name = str(request["webhook_auth_header_name"])
        headers[name] = str(request["webhook_auth_header_value"])
    body = json.dumps({"transcript_id": job.id, "status": STATUSES[job.status]})
    return WebhookMessage(body.encode(), headers)
