"""A server's work for the command line, asked for through the Python client."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from app.cli.answers import as_alignment, as_transcript
from app.cli.inputs import Input
from app.cli.listening import Listening
from app.cli.transcribing import Aligned, Progress, Transcribed, Transcribing, Wanted, unreadable
from app.client import AsyncClient, LiveEvent, Pcm, Retries
from app.client.options import Encoding

# A server may be busy with somebody else's work, or be started anew: nothing is lost by waiting.
# At the beginning there is nothing to lose either, and a wrong address is more likely.
_PATIENCE = Retries(attempts=10, longest_wait=600.0)
_IMPATIENCE = Retries(attempts=1)


@asynccontextmanager
async def on_a_server(server: str, key: str | None, wanted: Wanted) -> AsyncIterator[Transcribing]:
    """Speak to a server for as long as the block lasts.

    Raises:
        NordlydError: it cannot be reached, or would not accept what is asked for.
    """
    async with AsyncClient(server, key, retries=_IMPATIENCE) as client:
        await client.health()
    async with AsyncClient(server, key, retries=_PATIENCE) as client:
        yield _Remote(client, _options(wanted))


@asynccontextmanager
async def remote_backend(server: str, key: str | None, wanted: Wanted) -> AsyncIterator[Listening]:
    """Speak to a server for as long as the block lasts.

    Raises:
        NordlydError: its address is none.
    """
    async with AsyncClient(server, key) as client:
        yield _Ear(client, _options(wanted))


@dataclass(frozen=True, slots=True)
class _Remote:
    client: AsyncClient
    options: Mapping[str, Any]

    async def transcribe(self, item: Input, progress: Progress) -> Transcribed:  # noqa: ARG002
        try:
            with item.open() as file:
                answer = await self.client.transcribe(file, **self.options)
        except OSError as error:
            raise unreadable(error) from error
        return Transcribed(as_transcript(answer.body), answer.body)

    async def align(self, item: Input, text: str) -> Aligned:
        try:
            with item.open() as file:
                answer = await self.client.align(file, text, characters=True, **self.options)
        except OSError as error:
            raise unreadable(error) from error
        return Aligned(as_alignment(answer.body), answer.body + "\n")


@dataclass(frozen=True, slots=True)
class _Ear:
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


def _options(wanted: Wanted) -> dict[str, Any]:
    return {"language": wanted.language, "model": wanted.model, **wanted.fields}
