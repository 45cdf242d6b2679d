"""Backends of a server: the Python client with the options of one command."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from nordlyd_client.aio import AsyncClient
from nordlyd_client.cli.backends import (
    Backend,
    Input,
    LiveBackend,
    Progress,
    unreadable,
)
from nordlyd_client.contract.options import Encoding
from nordlyd_client.events import LiveEvent
from nordlyd_client.live import Pcm
from nordlyd_client.retries import Retries
from nordlyd_client.values import Alignment, Transcription

# A server may be busy with other work, or restart: waiting loses nothing. Before the first request
# there is nothing to lose either, and a wrong address is more likely.
_PATIENT = Retries(attempts=10, longest_wait=600.0)
_IMPATIENT = Retries(attempts=1)


@asynccontextmanager
async def open_remote_backend(
    server: str, key: str | None, options: Mapping[str, str]
) -> AsyncIterator[Backend]:
    """Opens a backend that sends recordings to a server.

    Args:
        server: its address.
        key: one of its API keys.
        options: of every request, by their names in the API.

    Raises:
        ClientError: the server cannot be reached.
    """
    async with AsyncClient(server, key, retries=_IMPATIENT) as client:
        await client.health()
    async with AsyncClient(server, key, retries=_PATIENT) as client:
        yield _Remote(client, options)


@asynccontextmanager
async def open_remote_live_backend(
    server: str, key: str | None, options: Mapping[str, str]
) -> AsyncIterator[LiveBackend]:
    """Opens a backend that sends live audio to a server; arguments as `open_remote_backend`.

    Raises:
        InvalidRequestError: the address is not valid.
    """
    async with AsyncClient(server, key) as client:
        yield _RemoteStream(client, options)


@dataclass(frozen=True, slots=True)
class _Remote:
    client: AsyncClient
    options: Mapping[str, Any]

    async def transcribe(self, item: Input, progress: Progress) -> Transcription:  # noqa: ARG002
        try:
            with item.open() as file:
                answer: Transcription = await self.client.transcribe(file, **self.options)
        except OSError as error:
            raise unreadable(error) from error
        return answer

    async def align(self, item: Input, text: str) -> Alignment:
        try:
            with item.open() as file:
                return await self.client.align(file, text, characters=True, **self.options)
        except OSError as error:
            raise unreadable(error) from error


@dataclass(frozen=True, slots=True)
class _RemoteStream:
    client: AsyncClient
    options: Mapping[str, Any]

    def listen(self, pieces: AsyncIterable[bytes], pcm: Pcm) -> AsyncGenerator[LiveEvent, None]:
        return self.client.stream(
            pieces,
            encoding=cast("Encoding", pcm.encoding),
            rate=pcm.rate,
            channels=pcm.channels,
            **self.options,
        )
