"""The webhook of a job, as GET /jobs/{id}/webhooks shows it."""

from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

DeliveryState: TypeAlias = Literal["pending", "delivered", "failed"]


class WebhookDelivery(BaseModel):
    """The message to the webhook of a job that has ended, and how its delivery went."""

    model_config = ConfigDict(
        title="WebhookDeliveryBody", use_attribute_docstrings=True, frozen=True
    )

    id: str
    """The `webhook-id` of every attempt, by which a receiver knows a repeated message."""
    url: str
    """Where it is sent."""
    state: DeliveryState
    """pending until it was accepted with 2xx, or is not tried any more."""
    attempts: int
    """How often it was sent."""
    created_at: datetime
    """When the job ended."""
    next_attempt_at: datetime | None = None
    """When it is sent next; only while it is pending."""
    delivered_at: datetime | None = None
    """When it was accepted."""
    last_status: int | None = None
    """The HTTP status of the last attempt's answer; null without an answer."""
    last_error: str | None = None
    """Why the last attempt failed."""


class WebhookDeliveries(BaseModel):
    """The webhook deliveries of a job: none before it has ended, and without a webhook_url."""

    model_config = ConfigDict(
        title="WebhookDeliveriesBody", use_attribute_docstrings=True, frozen=True
    )

    deliveries: tuple[WebhookDelivery, ...]
    """At most one."""
