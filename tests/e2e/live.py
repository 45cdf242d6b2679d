"""A client of WS /stream that sends messages and keeps everything it receives."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np
import soundfile
from demo_model import DEMO
from running import RunningServer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

RATE = 16_000
Message = dict[str, Any]


def sample(number: int) -> np.ndarray:
    """A bundled sample, int16 [samples] at 16 kHz."""
    samples, rate = soundfile.read(DEMO / "samples" / f"sample-{number}.flac", dtype="int16")
    assert rate == RATE
    return samples


def silence(seconds: float) -> np.ndarray:
    """Digital silence, int16 [samples]."""
    return np.zeros(round(seconds * RATE), np.int16)


def pieces(data: bytes, size: int = 3200) -> list[bytes]:
    """The bytes in pieces, 0.1 s of s16le each by default."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def live_url(server: RunningServer, **parameters: object) -> str:
    """Where the stream is, with these parameters."""
    address = server.address.replace("http", "ws", 1)
    return f"{address}/stream?{urlencode(parameters)}"


@dataclass
class StreamLog:
    """Everything a server sent on one connection, and how it closed it."""

    messages: list[Message] = field(default_factory=list)
    closed: int | None = None

    def of(self, kind: str) -> list[Message]:
        """The messages of that type, in order."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def kinds(self) -> list[str]:
        """The types of all messages."""
        return [message["type"] for message in self.messages]

    @property
    def text(self) -> str:
        """The text of all final results."""
        return " ".join(message["text"] for message in self.of("final") if message["text"])

    @property
    def error(self) -> Message:
        """The one error."""
        [message] = self.of("error")
        assert set(message["error"]) == {"message", "type", "param", "code"}
        return message["error"]


async def receive(
    socket: ClientConnection, log: StreamLog, *, until: str | None = None
) -> StreamLog:
    """Reads until the server closes, or one message of a type has come."""
    async with asyncio.timeout(60):
        try:
            while until is None or not log.of(until):
                log.messages.append(json.loads(await socket.recv()))
        except ConnectionClosed:
            log.closed = socket.close_code
    return log


async def send(
    socket: ClientConnection, messages: Iterable[bytes | Mapping[str, str]], *, pace: float = 0.0
) -> None:
    """Sends bytes and commands, with a pause of so many seconds after each."""
    for message in messages:
        await socket.send(message if isinstance(message, bytes) else json.dumps(message))
        if pace:
            await asyncio.sleep(pace)


async def converse(
    url: str,
    messages: Sequence[bytes | Mapping[str, str]],
    *,
    pace: float = 0.0,
    **options: Any,
) -> StreamLog:
    """One whole connection."""
    async with connect(url, **options) as socket:
        sending = asyncio.create_task(send(socket, messages, pace=pace))
        log = await receive(socket, StreamLog())
        await asyncio.gather(sending, return_exceptions=True)
        return log


END = {"type": "end"}
FLUSH = {"type": "flush"}


def recording(samples: np.ndarray) -> list[bytes | Mapping[str, str]]:
    """The messages of a whole recording, and the end."""
    return [*pieces(samples.tobytes()), END]


async def until(condition: Any, *, seconds: float = 20.0) -> None:
    """Waits until a condition is met."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
