"""The service under load as its clients see it, and how a request's outcome is recorded."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from bench.receiver import Receiver

HOST = "127.0.0.1"
LONGEST_SECONDS = 600.0
"""Within which every request must have ended; jobs wait for everything else."""
OK, ACCEPTED, NO_CONTENT, BUSY = 200, 202, 204, 429

_SHOWN = 300


class UnexpectedError(Exception):
    """An answer is not what it must be.

    Args:
        message: what was wrong with it.
        status: of the answer, as it is counted.
    """

    def __init__(self, message: str, status: object = "-") -> None:
        super().__init__(message)
        self.status = str(status)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request, or of one conversation.

    Attributes:
        kind: of the request.
        status: of its last answer; a word where it is of another kind.
        seconds: that it took.
        problem: what was not as it must be; empty otherwise.
    """

    kind: str
    status: str
    seconds: float
    problem: str = ""


@dataclass(slots=True)
class Site:
    """A service, and what is needed to use it; usable as a context, which keeps connections.

    Attributes:
        port: on loopback.
        vosk_port: for vosk's clients.
        clips: recordings of a few seconds, as FLAC.
        long: a recording of minutes, as FLAC.
        speech: of a live stream, s16le at 16 kHz.
        key, limited_key: API keys; the second one may send few requests a minute.
        receiver: of webhooks.
    """

    port: int
    vosk_port: int
    clips: list[bytes]
    long: bytes
    speech: bytes
    key: str
    limited_key: str
    receiver: Receiver
    chance: random.Random = field(default_factory=lambda: random.Random(16))
    client: httpx.AsyncClient = field(init=False)

    async def __aenter__(self) -> Self:
        self.client = httpx.AsyncClient(
            base_url=f"http://{HOST}:{self.port}",
            headers={"authorization": f"Bearer {self.key}"},
            timeout=LONGEST_SECONDS,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.aclose()

    def clip(self) -> bytes:
        """One of the short recordings."""
        return self.chance.choice(self.clips)

    async def request(
        self,
        method: str,
        path: str,
        expected: Collection[int] = (OK,),
        **options: Any,  # noqa: ANN401 - as httpx has them
    ) -> httpx.Response:
        """Returns the answer to a request.

        Args:
            method: of the request.
            path: of the request.
            expected: the statuses that it may have.
            options: as httpx has them.

        Raises:
            UnexpectedError: it has another status, or is a refusal that does not say how long.
        """
        answer = await self.client.request(method, path, **options)
        what = f"{method} {path}"
        if answer.status_code not in expected:
            raise UnexpectedError(
                f"{what}: {answer.status_code} {answer.text[:_SHOWN]}", answer.status_code
            )
        if answer.status_code == BUSY and int(answer.headers.get("retry-after", "0")) < 1:
            raise UnexpectedError(f"{what}: a refusal without Retry-After", BUSY)
        return answer

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Returns a connection of its own."""
        return await asyncio.open_connection(HOST, self.port)

    def head(self, path: str, length: int) -> bytes:
        """The head of a POST."""
        return (
            f"POST {path} HTTP/1.1\r\nhost: {HOST}:{self.port}\r\n"
            f"authorization: Bearer {self.key}\r\ncontent-length: {length}\r\n\r\n"
        ).encode()

    @property
    def socket_headers(self) -> Mapping[str, str]:
        """The headers of a WebSocket's handshake."""
        return {"authorization": f"Bearer {self.key}"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of traffic.

    Attributes:
        name: of the kind.
        run: sends one request, or has one conversation, and returns its status.
        clients: how many do so at once.
        pause: seconds between two of a client, on average.
    """

    name: str
    run: Callable[[Site], Awaitable[object]]
    clients: int
    pause: float


async def attempt(kind: Kind, site: Site) -> Outcome:
    """Sends one request of a kind and returns its outcome, whatever it is."""
    started = time.perf_counter()
    status, problem = "", ""
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            status = str(await kind.run(site))
    except UnexpectedError as error:
        status, problem = error.status, str(error)
    # What a client may meet is without end: all of it is a finding, none ends the measurement.
    except Exception as error:
        status, problem = type(error).__name__, repr(error)[:_SHOWN]
    return Outcome(kind.name, status, time.perf_counter() - started, problem)
