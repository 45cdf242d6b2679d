"""The webhooks of an owner's jobs, as requests see them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from app.contract.jobs import ENDED
from app.contract.webhooks import WebhookDelivery
from app.errors import InvalidRequestError, JobNotCompletedError
from app.jobs.types import Owner
from app.jobs.webhooks.sender import MessageBuilder, WebhookSender

if TYPE_CHECKING:
    from app.jobs.parts import Parts
    from app.jobs.rows import Record


class JobWebhooks:
    """Implements `Webhooks`.

    Args:
        sender: sends the messages.
        find: returns a job of an owner, or raises that there is none.
        open_parts: returns what works with the database, which is opened where it is not.
    """

    def __init__(
        self,
        sender: WebhookSender,
        find: "Callable[[Owner, str], Awaitable[Record]]",
        open_parts: "Callable[[], Awaitable[Parts]]",
    ) -> None:
        self._sender = sender
        self._find = find
        self._open_parts = open_parts

    def register(self, protocol: str, builder: MessageBuilder) -> None:
        """Sets what makes the messages of the jobs of a protocol; see `WebhookSender`."""
        self._sender.register(protocol, builder)

    async def deliveries(self, owner: Owner, job_id: str) -> Sequence[WebhookDelivery]:
        """See `Webhooks`."""
        await self._find(owner, job_id)
        return await (await self._open_parts()).deliveries.of_job(job_id)

    async def repeat(self, owner: Owner, job_id: str) -> Sequence[WebhookDelivery]:
        """See `Webhooks`."""
        record = await self._find(owner, job_id)
        job = record.job
        if job.webhook_url is None:
            raise InvalidRequestError(
                "The job has no webhook; accepted: one that was submitted with a webhook_url.",
                param="id",
            )
        if job.status not in ENDED:
            raise JobNotCompletedError(
                f"The job is {job.status}; its webhook is sent once it has ended.", param="id"
            )
        deliveries = (await self._open_parts()).deliveries
        await deliveries.repeat(record)
        return await deliveries.of_job(job_id)
