"""Makes the message of a webhook, in the form of the job's protocol, and sends it once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import structlog

from app.contract.jobs import Job
from app.errors import NordlydError, UrlRefusedError
from app.fetching import Answer, Fetcher
from app.jobs.types import Owner, WebhookMessage
from app.jobs.webhooks.outcome import Outcome, outcome_of_answer, outcome_of_failure
from app.jobs.webhooks.signing import Signer

if TYPE_CHECKING:
    from app.jobs.rows import Record

ANSWER_SECONDS = 10.0
"""How long a receiver may take."""

MessageBuilder: TypeAlias = Callable[[Owner, Job], Awaitable[WebhookMessage]]

_log = structlog.get_logger("nordlyd.jobs")


class WebhookSender:
    """Sends webhooks.

    Args:
        fetcher: connects; None where the operator allows no hosts.
        secret: returns the secret that messages are signed with; called by the first message.
    """

    def __init__(self, fetcher: Fetcher | None, secret: Callable[[], str]) -> None:
        self._fetcher = fetcher
        self._secret = secret
        self._signer: Signer | None = None
        self._builders: dict[str, MessageBuilder] = {}

    def register(self, protocol: str, builder: MessageBuilder) -> None:
        """Sets what makes the messages of the jobs of a protocol, instead of the native form."""
        self._builders[protocol] = builder

    async def send(
        self, record: "Record", message_id: str, attempts: int
    ) -> tuple[Outcome, WebhookMessage | None]:
        """Sends the message of a job that has ended, once.

        Args:
            record: of the job, which has a webhook.
            message_id: of the message.
            attempts: how many there are, with this one.

        Returns:
            What follows, and the message if it could be made.
        """
        message: WebhookMessage | None = None
        try:
            message = await self._message(record)
            answer = await self._post(record.job, message, message_id)
        except NordlydError as error:
            return outcome_of_failure(error.message, attempts), message
        except Exception:
            _log.exception("a webhook could not be sent", job=record.job.id)
            return outcome_of_failure("The message could not be made.", attempts), message
        return outcome_of_answer(answer.status, answer.headers, attempts), message

    async def _post(self, job: Job, message: WebhookMessage, message_id: str) -> Answer:
        assert job.webhook_url is not None
        if self._fetcher is None:
            raise UrlRefusedError("This service sends nothing to URLs any more.", param="url")
        if self._signer is None:
            self._signer = Signer(await asyncio.to_thread(self._secret))
        # Last, so that no header of a request replaces a signature.
        headers = _lower(message.headers) | self._signer.headers(message_id, message.body)
        return await self._fetcher.send(
            message.method, job.webhook_url, headers, message.body, seconds=ANSWER_SECONDS
        )

    async def _message(self, record: "Record") -> WebhookMessage:
        builder = self._builders.get(record.protocol)
        if builder is None:
            return native_message(record.job)
        return await builder(record.owner, record.job)


def native_message(job: Job) -> WebhookMessage:
    """Returns the message of a job of `/jobs`, in the form that Standard Webhooks recommends."""
    assert job.completed_at is not None
    body = {
        "type": f"job.{job.status}",
        "timestamp": job.completed_at.isoformat(timespec="milliseconds"),
        "data": {"id": job.id, "status": job.status},
    }
    return WebhookMessage(json.dumps(body).encode(), {"content-type": "application/json"})


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
