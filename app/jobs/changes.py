"""Wakes up those of this process who wait for a job to change."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from app.contract.jobs import JobEvent

# Other processes change jobs too.
_LOOK_SECONDS = 1.0


class Subscription:
    """One who waits for a job to change.

    Attributes:
        farewell: the last event of a job that was erased.
    """

    def __init__(self) -> None:
        self.farewell: JobEvent | None = None
        self._changed = asyncio.Event()

    def notify(self, farewell: JobEvent | None) -> None:
        """End the wait."""
        self.farewell = self.farewell or farewell
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the job has changed since the last call, a second has passed, or `seconds`."""
        try:
            async with asyncio.timeout(min(seconds, _LOOK_SECONDS)):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()


class Changes:
    """The subscriptions of this process, by job. Used from the event loop alone."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)

    @contextmanager
    def subscribe(self, job_id: str) -> Iterator[Subscription]:
        """Yields a subscription; what changes from now on ends its wait."""
        subscription = Subscription()
        self._subscriptions[job_id].add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[job_id].discard(subscription)
            if not self._subscriptions[job_id]:
                del self._subscriptions[job_id]

    def notify(self, job_id: str, farewell: JobEvent | None = None) -> None:
        """End the waits for a job; `farewell` is its last event where it was erased."""
        for subscription in self._subscriptions.get(job_id, ()):
            subscription.notify(farewell)

    def notify_all(self) -> None:
        """End every wait, as the service stops."""
        for job_id in self._subscriptions:
            self.notify(job_id)
