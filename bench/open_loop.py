"""A light load generator: clips sent at a given rate, whatever becomes of those before them.

Sockets of asyncio that are kept open between requests; next to nothing is computed for a request.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

_HOST = "127.0.0.1"
_LONGEST_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; instants are of `time.perf_counter`.

    Attributes:
        sent: when it was due to be sent.
        answered: when all of its answer had arrived.
        status: of the answer; 0 where the connection broke.
        retry_after: seconds after which to come back, where the answer names any.
    """

    sent: float
    answered: float
    status: int
    retry_after: float = 0.0

    @property
    def seconds(self) -> float:
        """Until the answer had arrived."""
        return self.answered - self.sent

    @property
    def returns(self) -> float:
        """When a refused request comes back."""
        return self.answered + self.retry_after


class Generator:
    """Sends one clip again and again.

    Args:
        port: of the service, on loopback.
        body: the request's body.
        content_type: of the body.
    """

    def __init__(self, port: int, body: bytes, content_type: str) -> None:
        self._port = port
        head = (
            f"POST /transcribe HTTP/1.1\r\nhost: {_HOST}:{port}\r\n"
            f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, due: float | None = None) -> Answer:
        """Sends the clip, due at an instant, and returns its answer."""
        sent = time.perf_counter() if due is None else due
        try:
            reader, writer = await self._connect()
            try:
                # Not awaited: a service that refuses answers before it has read the body.
                writer.write(self._request)
                status, headers = await _read_head(reader)
                await reader.readexactly(int(headers.get("content-length", "0")))
            except BaseException:
                writer.close()
                raise
        except (OSError, EOFError, ValueError):
            return Answer(sent, time.perf_counter(), 0)
        answered = time.perf_counter()
        if headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return Answer(sent, answered, status, float(headers.get("retry-after", "0")))

    async def at_rate(self, rate: float, seconds: float) -> list[Answer]:
        """Sends so many clips a second, at random instants (a Poisson process).

        Returns:
            The answers, once all have arrived.
        """
        generator = random.Random(0)
        offsets, offset = [], 0.0
        while (offset := offset + generator.expovariate(rate)) < seconds:
            offsets.append(offset)
        return await self.at_times(time.perf_counter(), offsets)

    async def at_times(self, start: float, offsets: Sequence[float]) -> list[Answer]:
        """Sends the clip at each of these offsets in seconds from an instant, in order.

        Returns:
            The answers, once all have arrived.
        """
        sent: list[asyncio.Task[Answer]] = []
        for offset in offsets:
            due = start + offset
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            sent.append(asyncio.create_task(self.send(due)))
        return await asyncio.gather(*sent)

    async def at_once(
        self, clients: int, *, seconds: float = 0.0, requests: int = 0
    ) -> list[Answer]:
        """Sends one clip after the other from so many clients, for a time or a number of them."""
        start = time.perf_counter()
        answers: list[Answer] = []

        async def work() -> None:
            while time.perf_counter() - start < seconds or len(answers) + clients <= requests:
                answers.append(await self.send())

        await asyncio.gather(*(work() for _ in range(clients)))
        return answers

    async def burst(self, clips: int) -> list[list[Answer]]:
        """Sends so many clips at once, and each that is refused again when it is to come back.

        Returns:
            For each clip its answers, the last of which is none of a refusal.
        """

        async def until_accepted() -> list[Answer]:
            answers = [await self.send()]
            while answers[-1].status == 429:  # noqa: PLR2004 - the status
                await asyncio.sleep(answers[-1].retry_after)
                answers.append(await self.send())
            return answers

        return await asyncio.gather(*(until_accepted() for _ in range(clips)))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(_HOST, self._port, limit=_LONGEST_HEAD)

    def close(self) -> None:
        """Closes the connections."""
        for _, writer in self._idle:
            writer.close()


@asynccontextmanager
async def generator(port: int, body: bytes, content_type: str) -> AsyncIterator[Generator]:
    """A generator, closed at the end."""
    made = Generator(port, body, content_type)
    try:
        yield made
    finally:
        made.close()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and the headers, by their names in lower case."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    return int(first.split(" ")[1]), headers
