"""Events of one stream in, the same to whoever reads it out, once each; nothing piles up.

A partial result that nobody has read yet gives way to the next one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from app.streaming.types import FinalResult, LiveEvent, PartialResult

# Final results that were read are kept in case they never reached the client.
_REMEMBERED = 64


class EventQueue:
    """The events nobody has read yet.

    Args:
        most: so many may wait; `room` waits while there are more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: deque[LiveEvent] = deque()
        self._past: deque[FinalResult] = deque(maxlen=_REMEMBERED)
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False
        self._failure: Exception | None = None

    def tell(self, event: LiveEvent) -> None:
        """Add an event."""
        last = self._events[-1] if self._events else None
        # The first may be on its way to a reader right now.
        if (
            len(self._events) > 1
            and isinstance(last, PartialResult)
            and isinstance(event, PartialResult)
        ):
            self._events.pop()
        self._events.append(event)
        if len(self._events) >= self._most:
            self._room.clear()
        self._changed.set()

    def end(self, failure: Exception | None = None) -> None:
        """Nothing follows; readers get what is left and then the failure, if there is one."""
        if not self._ended:
            self._ended = True
            self._failure = failure
        self._room.set()
        self._changed.set()

    async def room(self) -> None:
        """Wait until events are read, if too many wait."""
        await self._room.wait()

    def tell_again(self, after: int) -> None:
        """Put back the final results of later utterances than that, although they were read."""
        again = [event for event in self._past if event.utterance > after]
        self._past = deque(
            (event for event in self._past if event.utterance <= after), maxlen=_REMEMBERED
        )
        self._events.extendleft(reversed(again))
        self._changed.set()

    def wake(self) -> None:
        """Have readers look again at whether they are wanted."""
        self._changed.set()

    async def read(self, wanted: Callable[[], bool]) -> AsyncIterator[LiveEvent]:
        """The events from the first that was not read through; ends or raises after the last.

        An event counts as read once the next is asked for, so that one on which a connection
        broke is not lost.

        Args:
            wanted: whether this reader is to go on.

        Raises:
            Exception: what `end` was given.
        """
        while wanted():
            while self._events and wanted():
                event = self._events[0]
                yield event
                if self._events and self._events[0] is event:
                    self._events.popleft()
                    if isinstance(event, FinalResult):
                        self._past.append(event)
                if len(self._events) < self._most:
                    self._room.set()
            if self._ended and wanted():
                if self._failure is not None:
                    raise self._failure
                return
            if not wanted():
                return
            self._changed.clear()
            await self._changed.wait()
