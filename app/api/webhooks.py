"""The webhooks of protocols that have a form of their own."""

from collections.abc import Awaitable, Callable, Mapping

from app.api.assemblyai.transcripts import PROTOCOL as ASSEMBLYAI
from app.api.assemblyai.webhook import webhook_message
from app.api.deepgram.callback import PROTOCOL as DEEPGRAM
from app.api.deepgram.callback import callback_message
from app.api.state import AppState
from app.contract.jobs import Job
from app.jobs import Owner, WebhookMessage

WEBHOOK_MESSAGES: Mapping[str, Callable[[AppState, Owner, Job], Awaitable[WebhookMessage]]] = {
    DEEPGRAM: callback_message,
    ASSEMBLYAI: webhook_message,
}
"""What makes the message of a job that has ended, by the job's protocol."""
