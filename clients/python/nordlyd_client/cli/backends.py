"""What transcribes for the command line: a server, or this machine, behind one interface.

Both return the values of the Python client.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, cast

from nordlyd_client.aio import AsyncClient
from nordlyd_client.contract.options import Encoding
from nordlyd_client.errors import UnreadableError
from nordlyd_client.events import LiveEvent
from nordlyd_client.live import Pcm
from nordlyd_client.retries import Retries
from nordlyd_client.values import Alignment, Transcription

# A server may be busy with other work, or restart: waiting loses nothing. Before the first request
# there is nothing to lose either, and a wrong address is more likely.
PATIENT = Retries(attempts=10, longest_wait=600.0)
"""Of a run that has begun."""
_IMPATIENT = Retries(attempts=1)

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of finished parts of a recording, and with the number of all parts."""


@dataclass(frozen=True, slots=True)
class Input:
    """One recording to transcribe.

    Attributes:
        number: its place among all, from 0.
        shown: its path as it was given or found, or `-`.
        path: where it is, absolute; a name in no folder for stdin.
        root: the folder that its argument named, which its place is relative to.
        open: returns its bytes from the beginning; the caller closes the file. Raises OSError.
        size: in bytes; 0 where it is unknown.
        changed: when it was changed last, in nanoseconds since 1970; 0 where it is unknown.
    """

    number: int
    shown: str
    path: Path
    root: Path
    open: Callable[[], BinaryIO]
    size: int = 0
    changed: int = 0


class Backend(Protocol):
    """Turns recordings into text, several at once; cancelling a call ends its work."""

    def at_once(self, jobs: int) -> int:
        """Returns how many recordings to begin at once where `jobs` are to be worked on."""

    async def transcribe(self, item: Input, progress: Progress) -> Transcription:
        """Transcribes one recording.

        Raises:
            ClientError: it cannot be transcribed.
        """

    async def kept(self, item: Input) -> None:
        """Notes that the text of a recording is written or printed.

        Raises:
            ClientError: the server cannot be reached.
        """

    async def align(self, item: Input, text: str) -> Alignment:
        """Finds the words of a text in a recording.

        Raises:
            ClientError: it cannot be aligned.
        """


class LiveBackend(Protocol):
    """Turns live audio into events."""

    def listen(self, pieces: AsyncIterable[bytes], pcm: Pcm) -> AsyncGenerator[LiveEvent, None]:
        """Yields the events of a stream; the last one is `End`.

        Args:
            pieces: raw samples.
            pcm: their encoding.

        Raises:
            ClientError: the audio cannot be transcribed.
        """


def unreadable(error: OSError) -> UnreadableError:
    """Returns the exception for a recording that cannot be opened."""
    return UnreadableError(f"Cannot be read: {error.strerror or error}.", param="file")


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
    async with AsyncClient(server, key, retries=PATIENT) as client:
        yield RemoteBackend(client, options)


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
class RemoteBackend:
    """Sends each recording in a request of its own; as `Backend`.

    Attributes:
        client: of the server.
        options: of every request, by their names in the API.
    """

    client: AsyncClient
    options: Mapping[str, Any]

    def at_once(self, jobs: int) -> int:
        """See `Backend`."""
        return jobs

    async def kept(self, item: Input) -> None:
        """Does nothing: the server keeps nothing."""

    async def transcribe(self, item: Input, progress: Progress) -> Transcription:  # noqa: ARG002
        """See `Backend`."""
        try:
            with item.open() as file:
                answer: Transcription = await self.client.transcribe(file, **self.options)
        except OSError as error:
            raise unreadable(error) from error
        return answer

    async def align(self, item: Input, text: str) -> Alignment:
        """See `Backend`."""
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
