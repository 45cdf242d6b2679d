"""Webhooks: what is sent to the `webhook_url` of a job once it has ended.

`outbox` has the deliveries in the database, `deliveries` attempts those that are due, `sender`
makes and sends a message, `outcome` decides what follows, `signing` signs.
"""

from app.jobs.webhooks.sender import MessageBuilder, WebhookSender
from app.jobs.webhooks.service import JobWebhooks

__all__ = ["JobWebhooks", "MessageBuilder", "WebhookSender"]
