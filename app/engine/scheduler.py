"""Chooses the windows of the next batch from the queued requests.

Pure and synchronous: no thread, no clock, no model. The present instant is an argument.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Item:
    """One window of the request with that ticket; its length in samples."""

    ticket: int
    index: int
    samples: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of one model to compute together, longest first."""

    model: str
    items: tuple[Item, ...]

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
class _Caller:
    """A caller that has requests waiting, or had.

    Attributes:
        turn: its virtual time, in windows served.
        since: instant when it was last served.
        virtual_time: the virtual time at which a new request of it begins.
        waiting: number of its requests that wait.
    """

    turn: int
    since: float
    virtual_time: int = 0
    waiting: int = 0


@dataclass(slots=True)
class _Waiting:
    """A request with windows left; `turn` is its virtual time, in windows served."""

    ticket: int
    model: str
    lengths: Sequence[int]
    deadline: float | None
    turn: int
    since: float
    caller: _Caller
    window_seconds: float
    next: int = 0

    @property
    def left(self) -> int:
        return len(self.lengths) - self.next


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

    def take_from(self, waiting: _Waiting) -> None:
        samples = waiting.lengths[waiting.next]
        self.items.append(Item(waiting.ticket, waiting.next, samples))
        self.longest = max(self.longest, samples)
        self.samples += samples
        waiting.next += 1


class Scheduler:
    """The queue of one device.

    The order of service follows start-time fair queueing (Goyal, Vin and Cheng, 1996) with one
    window as the unit of service, first between callers and then between the requests of a
    caller: the one with the fewest turns leads the batch, and a new one starts at the virtual
    time of the last leader, so it goes before those already served in this round. A constant
    stream of new requests could keep a long recording waiting for ever; so a caller or request
    that was not served for longer than the patience leads before all others, the longest wait
    first.

    The leader is always in the batch and fixes its model. The rest of the budget is filled
    round-robin, first with windows exactly as long as the leader's, which an encoder packs
    without padding, then with others while the padding stays small. A window passed over
    keeps its place and leads a later batch.

    Args:
        patience_seconds: wait after which a request goes first.
        max_padding_share: bound on the padding of a batch of unequal lengths, 0 to 1.
    """

    def __init__(self, *, patience_seconds: float, max_padding_share: float) -> None:
        self._patience = patience_seconds
        self._max_padding_share = max_padding_share
        self._waiting: dict[int, _Waiting] = {}
        self._budgets: dict[str, Budget] = {}
        self._callers: dict[str, _Caller] = {}
        self._virtual_time = 0
        self.queued_windows = 0

    def serve(self, model: str, budget: Budget) -> None:
        """Accepts requests for this model, in batches within that budget."""
        self._budgets[model] = budget

    def forget(self, model: str) -> None:
        """Accept no more requests for this model, of which none waits."""
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

        Raises:
            ValueError: the ticket is taken, or there is no window.
            KeyError: the model is not served.
        """
        if ticket in self._waiting or not lengths:
            raise ValueError(f"request {ticket} needs a ticket of its own and at least one window")
        self.budget(model)
        sender = self._callers.setdefault(caller, _Caller(self._virtual_time, now))
        if not sender.waiting:
            sender.since = now
        sender.waiting += 1
        self._waiting[ticket] = _Waiting(
            ticket, model, lengths, deadline, sender.virtual_time, now, sender, window_seconds
        )
        self.queued_windows += len(lengths)

    def discard(self, ticket: int) -> None:
        """Drops the waiting windows of a request; an unknown ticket is ignored."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is not None:
            waiting.caller.waiting -= 1
            self.queued_windows -= waiting.left

    def clear(self) -> None:
        """Drops every request."""
        self._waiting.clear()
        self._callers.clear()
        self.queued_windows = 0

    def expire(self, now: float) -> list[int]:
        """Drops the requests that cannot be done before their deadline; returns their tickets."""
        late = [
            waiting.ticket
            for waiting in self._waiting.values()
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
        if not self._waiting:
            return None
        order = sorted(self._waiting.values(), key=self._rank(now))
        leader = order[0]
        peers = [waiting for waiting in order if waiting.model == leader.model]
        before = {waiting.ticket: waiting.next for waiting in peers}
        self._virtual_time = max(self._virtual_time, leader.caller.turn)
        leader.caller.virtual_time = max(leader.caller.virtual_time, leader.turn)

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
            taken = waiting.next - before[waiting.ticket]
            if taken:
                waiting.turn += taken
                waiting.caller.turn += taken
                waiting.since = waiting.caller.since = now
                if not waiting.left:
                    waiting.caller.waiting -= 1
                    del self._waiting[waiting.ticket]
        self.queued_windows -= len(draft.items)
        self._forget_callers()
        longest_first = sorted(draft.items, key=lambda item: -item.samples)
        return Batch(leader.model, tuple(longest_first))

    def _rank(self, now: float) -> Callable[[_Waiting], tuple[float, ...]]:
        def rank(waiting: _Waiting) -> tuple[float, ...]:
            caller = waiting.caller
            served = now - caller.since < self._patience
            in_time = now - waiting.since < self._patience
            return (
                served,
                caller.turn if served else caller.since,
                in_time,
                waiting.turn if in_time else 0,
                waiting.since,
                waiting.ticket,
            )

        return rank

    def _forget_callers(self) -> None:
        """Drops callers that are in the same state as a new one."""
        for name in [
            name
            for name, caller in self._callers.items()
            if not caller.waiting and caller.turn <= self._virtual_time
        ]:
            del self._callers[name]


def _fill(draft: _Draft, requests: Iterable[_Waiting], acceptable: Callable[[int], bool]) -> None:
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
