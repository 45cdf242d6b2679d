"""The events of one stream, from the task that emits them to the connection that reads them.

A partial result that was not read yet is replaced by the next one, so the queue stays small.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from app.streaming.types import FinalResult, LiveEvent, PartialResult

# Final results that were read are kept in case they were lost on the way to the client.
_MAX_KEPT = 64


class EventQueue:
    """The events that were not read yet.

    Args:
        max_events: with so many unread events, `wait_for_room` waits.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._events: deque[LiveEvent] = deque()
        self._read_finals: deque[FinalResult] = deque(maxlen=_MAX_KEPT)
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._ended = False
        self._failure: Exception | None = None

    def emit(self, event: LiveEvent) -> None:
        """Adds an event."""
        last = self._events[-1] if self._events else None
        # The first event may be on its way to a reader right now.
        if (
            len(self._events) > 1
            and isinstance(last, PartialResult)
            and isinstance(event, PartialResult)
        ):
            self._events.pop()
        self._events.append(event)
        if len(self._events) >= self._max_events:
            self._has_room.clear()
        self._changed.set()

    def end(self, failure: Exception | None = None) -> None:
        """Ends the events; after the last one, readers get the failure, if there is one."""
        if not self._ended:
            self._ended = True
            self._failure = failure
        self._has_room.set()
        self._changed.set()

    async def wait_for_room(self) -> None:
        """Waits until events are read, if too many wait."""
        await self._has_room.wait()

    def emit_again(self, after: int) -> None:
        """Queues read final results again, those of the utterances after the given one."""
        again = [event for event in self._read_finals if event.utterance > after]
        self._read_finals = deque(
            (event for event in self._read_finals if event.utterance <= after), maxlen=_MAX_KEPT
        )
        self._events.extendleft(reversed(again))
        self._changed.set()

    def wake_readers(self) -> None:
        """Makes waiting readers evaluate their `is_current` again."""
        self._changed.set()

    async def read(self, is_current: Callable[[], bool]) -> AsyncIterator[LiveEvent]:
        """Yields the events from the first that was not read; ends or raises after the last.

        An event counts as read once the next is requested, so that one that was being sent when
        a connection broke is not lost.

        Args:
            is_current: False once another reader has replaced this one, which then ends.

        Raises:
            Exception: the failure given to `end`.
        """
        while is_current():
            while self._events and is_current():
                event = self._events[0]
                yield event
                if self._events and self._events[0] is event:
                    self._events.popleft()
                    if isinstance(event, FinalResult):
                        self._read_finals.append(event)
                if len(self._events) < self._max_events:
                    self._has_room.set()
            if self._ended and is_current():
                if self._failure is not None:
                    raise self._failure
                return
            if not is_current():
                return
            self._changed.clear()
            await self._changed.wait()
