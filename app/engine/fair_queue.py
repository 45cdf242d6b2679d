"""The requests that wait for one device, in the order in which they are served.

Pure and synchronous: no thread, no clock. The present instant is an argument.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Sender:
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
class WaitingRequest:
    """A request with windows left.

    Attributes:
        ticket: its number, which no other waiting request has.
        model: what encodes it.
        lengths: samples of each window.
        deadline: instant by which it must be answered, if there is one.
        window_seconds: the least that each window takes to compute, in seconds.
        turn: its virtual time, in windows served.
        since: instant when it was last served.
        sender: its caller.
        next: index of its next window.
    """

    ticket: int
    model: str
    lengths: Sequence[int]
    deadline: float | None
    window_seconds: float
    turn: int
    since: float
    sender: Sender
    next: int = 0

    @property
    def left(self) -> int:
        """Number of its windows that wait."""
        return len(self.lengths) - self.next


class FairQueue:
    """Orders requests by start-time fair queueing (Goyal, Vin and Cheng, 1996).

    The unit of service is one window, first between callers and then between the requests of a
    caller: the one with the fewest turns is first, and a new one starts at the virtual time of the
    last leader, so it goes before those already served in this round. A constant stream of new
    requests could keep a long recording waiting for ever; so a caller or request that was not
    served for longer than the patience leads before all others, the longest wait first.

    Args:
        patience_seconds: wait after which a request goes first.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._waiting: dict[int, WaitingRequest] = {}
        self._senders: dict[str, Sender] = {}
        self._virtual_time = 0

    def __contains__(self, ticket: int) -> bool:
        """Returns whether that request waits."""
        return ticket in self._waiting

    def __iter__(self) -> Iterator[WaitingRequest]:
        """Yields the requests in the order of their arrival."""
        return iter(self._waiting.values())

    def __len__(self) -> int:
        """Returns how many requests wait."""
        return len(self._waiting)

    def add(
        self,
        ticket: int,
        model: str,
        lengths: Sequence[int],
        *,
        now: float,
        deadline: float | None,
        caller: str,
        window_seconds: float,
    ) -> None:
        """Adds a request; the arguments are those of `Scheduler.add`."""
        sender = self._senders.setdefault(caller, Sender(self._virtual_time, now))
        if not sender.waiting:
            sender.since = now
        sender.waiting += 1
        self._waiting[ticket] = WaitingRequest(
            ticket, model, lengths, deadline, window_seconds, sender.virtual_time, now, sender
        )

    def pop(self, ticket: int) -> WaitingRequest | None:
        """Removes and returns a request; None where it does not wait."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is not None:
            waiting.sender.waiting -= 1
        return waiting

    def clear(self) -> None:
        """Drops every request."""
        self._waiting.clear()
        self._senders.clear()

    def ordered(self, now: float) -> list[WaitingRequest]:
        """Returns the requests, the most urgent first."""
        return sorted(self._waiting.values(), key=self._rank(now))

    def lead(self, leader: WaitingRequest) -> None:
        """Moves the virtual time to that of the request that leads the next batch."""
        self._virtual_time = max(self._virtual_time, leader.sender.turn)
        leader.sender.virtual_time = max(leader.sender.virtual_time, leader.turn)

    def served(self, waiting: WaitingRequest, windows: int, now: float) -> None:
        """Counts the turns of a request whose next windows were taken."""
        waiting.turn += windows
        waiting.sender.turn += windows
        waiting.since = waiting.sender.since = now
        if not waiting.left:
            self.pop(waiting.ticket)

    def forget_senders(self) -> None:
        """Drops callers that are in the same state as a new one."""
        for name in [
            name
            for name, sender in self._senders.items()
            if not sender.waiting and sender.turn <= self._virtual_time
        ]:
            del self._senders[name]

    def _rank(self, now: float) -> Callable[[WaitingRequest], tuple[float, ...]]:
        def rank(waiting: WaitingRequest) -> tuple[float, ...]:
            sender = waiting.sender
            served = now - sender.since < self._patience
            in_time = now - waiting.since < self._patience
            return (
                served,
                sender.turn if served else sender.since,
                in_time,
                waiting.turn if in_time else 0,
                waiting.since,
                waiting.ticket,
            )

        return rank
