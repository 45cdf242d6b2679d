"""Chooses the windows of the next batch from the queued requests.

Pure and synchronous: no thread, no clock, no model. The present instant is an argument.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.engine.fair_queue import FairQueue, WaitingRequest


@dataclass(frozen=True, slots=True)
class Item:
    """One window of the request with that ticket; its length in samples."""

    ticket: int
    index: int
    samples: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of one model to compute together, longest first.

    `background` says whether they are of requests in the background.
    """

    model: str
    items: tuple[Item, ...]
    background: bool = False

    @property
    def samples(self) -> int:
        """Audio in the batch."""
        return sum(item.samples for item in self.items)

    @property
    def padded_samples(self) -> int:
        """Audio in the batch if every window were as long as the longest."""
        return len(self.items) * max(item.samples for item in self.items)

    @property
    def padding_share(self) -> float:
        """Share of the padded batch that is padding, 0 to 1."""
        return 1 - self.samples / self.padded_samples


class Budget:
    """How many padded samples a batch of one model may hold.

    Multiplicative decrease when the device ran out of memory, slow increase afterwards, as in
    congestion control: another process may have taken the device's memory for a while.

    Args:
        ceiling: the budget found at warm-up, in samples; never exceeded.
        recovery_batches: successes in a row after which the budget grows by a quarter.
    """

    def __init__(self, ceiling: int, *, recovery_batches: int) -> None:
        self._ceiling = ceiling
        self._recovery_batches = recovery_batches
        self._successes = 0
        self.samples = self._ceiling

    def out_of_memory(self, padded_samples: int) -> None:
        """Allows half of what has just failed."""
        self._successes = 0
        self.samples = max(1, min(self.samples, padded_samples) // 2)

    def succeeded(self) -> None:
        """Counts a batch that fitted."""
        self._successes += 1
        if self._successes >= self._recovery_batches:
            self._successes = 0
            self.samples = min(self._ceiling, self.samples + max(1, self.samples // 4))


@dataclass(slots=True)
class _Draft:
    """A batch being put together."""

    budget: int
    items: list[Item] = field(default_factory=list)
    longest: int = 0
    samples: int = 0

    def fits(self, samples: int) -> bool:
        return (len(self.items) + 1) * max(self.longest, samples) <= self.budget

    def padding_share_with(self, samples: int) -> float:
        padded = (len(self.items) + 1) * max(self.longest, samples)
        return 1 - (self.samples + samples) / padded

    def take_from(self, waiting: WaitingRequest) -> None:
        samples = waiting.lengths[waiting.next]
        self.items.append(Item(waiting.ticket, waiting.next, samples))
        self.longest = max(self.longest, samples)
        self.samples += samples
        waiting.next += 1


class Scheduler:
    """The queue of one device.

    Requests are served in the order of `FairQueue`; those in the background have a queue of their
    own, which is served while no other request waits. Batches are not mixed, so that no request
    waits for more than the batch that runs.

    The leader is always in the batch and fixes its model. The rest of the budget is filled
    round-robin, first with windows exactly as long as the leader's, which an encoder packs
    without padding, then with others while the padding stays small. A window passed over
    keeps its place and leads a later batch.

    Args:
        patience_seconds: wait after which a request goes first.
        max_padding_share: bound on the padding of a batch of unequal lengths, 0 to 1.
    """

    def __init__(self, *, patience_seconds: float, max_padding_share: float) -> None:
        self._max_padding_share = max_padding_share
        self._interactive = FairQueue(patience_seconds)
        self._background = FairQueue(patience_seconds)
        self._budgets: dict[str, Budget] = {}
        self.queued_windows = 0

    def serve(self, model: str, budget: Budget) -> None:
        """Accepts requests for this model, in batches within that budget."""
        self._budgets[model] = budget

    def forget(self, model: str) -> None:
        """Accepts no more requests for this model, of which none waits."""
        self._budgets.pop(model, None)

    def budget(self, model: str) -> Budget:
        """The budget of a model that is served; KeyError otherwise."""
        return self._budgets[model]

    def add(
        self,
        ticket: int,
        model: str,
        lengths: Sequence[int],
        *,
        now: float,
        deadline: float | None = None,
        caller: str = "",
        window_seconds: float = 0.0,
        background: bool = False,
    ) -> None:
        """Queues a request.

        Args:
            ticket: a number no other waiting request has.
            model: one that is served.
            lengths: samples of each window, in order; at least one.
            now: the present instant, in seconds.
            deadline: instant by which it must be answered, if there is one.
            caller: who sent it.
            window_seconds: the least that each window takes to compute, in seconds.
            background: whether it is served only while no other request waits.

        Raises:
            ValueError: the ticket is taken, or there is no window.
            KeyError: the model is not served.
        """
        if any(ticket in queue for queue in self._queues) or not lengths:
            raise ValueError(f"request {ticket} needs a ticket of its own and at least one window")
        self.budget(model)
        queue = self._background if background else self._interactive
        queue.add(
            ticket,
            model,
            lengths,
            now=now,
            deadline=deadline,
            caller=caller,
            window_seconds=window_seconds,
        )
        self.queued_windows += len(lengths)

    def discard(self, ticket: int) -> None:
        """Drops the waiting windows of a request; an unknown ticket is ignored."""
        for queue in self._queues:
            if (waiting := queue.pop(ticket)) is not None:
                self.queued_windows -= waiting.left

    def clear(self) -> None:
        """Drops every request."""
        for queue in self._queues:
            queue.clear()
        self.queued_windows = 0

    def expire(self, now: float) -> list[int]:
        """Drops the requests that cannot be done before their deadline; returns their tickets."""
        late = [
            waiting.ticket
            for queue in self._queues
            for waiting in queue
            if waiting.deadline is not None
            and waiting.deadline <= now + waiting.left * waiting.window_seconds
        ]
        for ticket in late:
            self.discard(ticket)
        return late

    def next_batch(self, now: float) -> Batch | None:
        """Takes the next batch off the queue, or None while nothing waits.

        Its padded samples are within the model's budget, unless it is one window that is
        longer than the budget by itself.
        """
        queue = self._interactive or self._background
        if not queue:
            return None
        order = queue.ordered(now)
        leader = order[0]
        peers = [waiting for waiting in order if waiting.model == leader.model]
        before = {waiting.ticket: waiting.next for waiting in peers}
        queue.lead(leader)

        draft = _Draft(self._budgets[leader.model].samples)
        draft.take_from(leader)
        length = draft.longest
        _fill(draft, [*peers[1:], leader], lambda samples: samples == length)
        fewest_first = sorted(peers, key=lambda waiting: waiting.next - before[waiting.ticket])
        _fill(
            draft,
            fewest_first,
            lambda samples: draft.padding_share_with(samples) <= self._max_padding_share,
        )

        for waiting in peers:
            if taken := waiting.next - before[waiting.ticket]:
                queue.served(waiting, taken, now)
        self.queued_windows -= len(draft.items)
        queue.forget_senders()
        longest_first = sorted(draft.items, key=lambda item: -item.samples)
        return Batch(leader.model, tuple(longest_first), background=queue is self._background)

    @property
    def _queues(self) -> tuple[FairQueue, FairQueue]:
        return self._interactive, self._background


def _fill(
    draft: _Draft, requests: Iterable[WaitingRequest], acceptable: Callable[[int], bool]
) -> None:
    """Takes one window from each request in turn, until none has one that fits.

    A request whose next window does not fit is left out, since its windows stay in order.
    """
    circle = deque(requests)
    while circle:
        waiting = circle.popleft()
        if not waiting.left:
            continue
        samples = waiting.lengths[waiting.next]
        if draft.fits(samples) and acceptable(samples):
            draft.take_from(waiting)
            circle.append(waiting)
