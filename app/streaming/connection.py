"""One client's hold on a stream in; a `LiveStream` that another connection can take over out."""

from collections.abc import AsyncIterator

from app.audio import Samples
from app.errors import InvalidRequestError
from app.streaming.stream import Stream
from app.streaming.types import LiveEvent


class SessionTakenError(InvalidRequestError):
    """Another connection goes on with this stream."""

    code = "session_taken"

    def __init__(self) -> None:
        super().__init__("Another connection took this session over.", param="session")


class Connection:
    """A `LiveStream` for as long as no other connection takes the stream over.

    Args:
        stream: to which this is the newest connection from now on.
    """

    def __init__(self, stream: Stream) -> None:
        self.session = stream.session
        self.model = stream.model
        self.language = stream.language
        self._stream = stream
        self._number = stream.connect()

    @property
    def current(self) -> bool:
        """No other connection has taken the stream over."""
        return self._stream.connections == self._number

    @property
    def received_seconds(self) -> float:
        """Audio pushed so far; a client that connects again goes on from there."""
        return self._stream.received_seconds

    async def push(self, samples: Samples) -> None:
        """Take 16 kHz mono samples [n]; waits while the machine is behind.

        Raises:
            NordlydError: the stream was finished, has failed or was taken over.
        """
        self._check()
        await self._stream.push(samples)

    async def flush(self) -> None:
        """End the utterance now; returns once its final result is among the events."""
        self._check()
        await self._stream.flush()

    async def finish(self) -> None:
        """Take no more audio; the last events follow and `events` then ends."""
        self._check()
        await self._stream.finish()

    async def events(self) -> AsyncIterator[LiveEvent]:
        """What there is to tell, in order; raises what went wrong with the stream.

        Raises:
            SessionTakenError: another connection reads on.
        """
        async for event in self._stream.events(lambda: self.current):
            yield event
        self._check()

    async def close(self) -> None:
        """Drop the stream and everything it holds, unless it was taken over."""
        if self.current:
            await self._stream.close()

    def _check(self) -> None:
        if not self.current:
            raise SessionTakenError
