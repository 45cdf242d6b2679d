"""A receiver of webhooks on loopback, which verifies them as Standard Webhooks describe it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + "c29hay1vZi1hLXJ1bm5pbmctc2VydmljZQ=="
_HOST = "127.0.0.1"
_REFUSE_EVERY = 5


class Receiver:
    """Answers webhooks: every fifth job's first with a 503, all others with a 204.

    Attributes:
        port: on loopback.
        invalid: why messages could not be verified.
    """

    def __init__(self) -> None:
        self.port = 0
        self.invalid: list[str] = []
        self._jobs = 0
        self._refused: set[str] = set()
        self._arrived: dict[str, asyncio.Future[str]] = {}

    @property
    def rule(self) -> str:
        """What NORDLYD_URL_HOSTS must hold."""
        return f"internal!http://{_HOST}:{self.port}"

    @property
    def url(self) -> str:
        """Where webhooks are to be sent."""
        return f"http://{_HOST}:{self.port}/done"

    async def wait(self, job: str, *, seconds: float) -> str:
        """Returns the status that the webhook of a job had.

        Raises:
            TimeoutError: it did not come in time.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._future(job)
        finally:
            self._arrived.pop(job, None)
            self._refused.discard(job)

    def _future(self, job: str) -> asyncio.Future[str]:
        return self._arrived.setdefault(job, asyncio.get_running_loop().create_future())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads one message and answers it."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            _, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value for name, value in (each.split(": ", 1) for each in lines)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            status = self._accept(headers, body)
            line = f"HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            writer.write(line.encode())
            await writer.drain()
        except (OSError, EOFError, ValueError) as error:
            self.invalid.append(str(error) or type(error).__name__)
        finally:
            writer.close()

    def _accept(self, headers: dict[str, str], body: bytes) -> int:
        try:
            Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError as error:
            self.invalid.append(str(error))
            return 400
        data = json.loads(body)["data"]
        job = data["id"]
        self._jobs += job not in self._refused
        if job not in self._refused and self._jobs % _REFUSE_EVERY == 0:
            self._refused.add(job)
            return 503
        if not (future := self._future(job)).done():
            future.set_result(data["status"])
        return 204


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that is listening."""
    made = Receiver()
    server = await asyncio.start_server(made.answer, _HOST, 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
