"""A discrete-event simulation of replicas that encode recordings: arrivals in, waits out.

Each replica has a queue of windows and encodes one batch at a time, as the engine does: a window of
each recording in turn, until the batch is full. A recording goes to the one of two random replicas
that has fewer recordings, as calls are routed under Ray Serve, or waits in one queue for whichever
replica has room, as jobs do. One that would wait for longer than the patience is refused.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

WINDOW_SECONDS = 20.0
"""What the service keeps of each window, by default: 24 s without 2 s of context on each side."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How long a replica takes.

    Attributes:
        audio_second: seconds for a second of audio.
        request: seconds for each recording, however long, at its first window.
        batch: seconds for each batch, however large.
    """

    audio_second: float
    request: float = 0.0
    batch: float = 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is simulated.

    Attributes:
        replicas: how many there are.
        cost: of one replica.
        batch_seconds: audio that a batch has at most; a window always fits.
        patience: expected seconds of waiting above which a recording is refused.
        shared_queue: whether one queue serves all, instead of one for each replica.
        jobs_at_once: recordings that a replica takes from the shared queue at a time.
        extra_seconds: that each answer takes besides, without occupying a replica.
    """

    replicas: int
    cost: Cost
    batch_seconds: float = 120.0
    patience: float = float("inf")
    shared_queue: bool = False
    jobs_at_once: int = 4
    extra_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A recording.

    Attributes:
        at: when it arrives, in seconds.
        seconds: its length.
    """

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Lengths:
    """A distribution of lengths.

    Attributes:
        seconds: the lengths that there are.
        weights: how often each is met, in any unit.
    """

    seconds: Sequence[float]
    weights: Sequence[float]

    @property
    def mean(self) -> float:
        """Mean length in seconds."""
        return float(np.average(self.seconds, weights=self.weights))

    @classmethod
    def parse(cls, text: str) -> "Lengths":
        """Reads lengths with weights, such as `5:0.7,60:0.25,600:0.05`.

        Raises:
            ValueError: the text has another form.
        """
        try:
            pairs = [part.split(":") for part in text.split(",")]
            seconds = [float(length) for length, *_ in pairs]
            weights = [float(weight[0]) if weight else 1.0 for _, *weight in pairs]
        except ValueError:
            seconds = []
        if not seconds or min(seconds) <= 0 or min(weights) <= 0:
            raise ValueError(f"{text!r} are no lengths; accepted: 5:0.7,60:0.25,600:0.05")
        return cls(tuple(seconds), tuple(weights))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was simulated.

    Attributes:
        utilisation: share of the time in which a replica computes, mean over the replicas.
        waits: seconds of each accepted recording until its first window is encoded.
        responses: seconds of each accepted recording until all of it is encoded.
        refused: how many recordings were refused.
        audio_s_per_s: audio seconds encoded a second.
        batch_windows: mean number of windows in a batch.
    """

    utilisation: float
    waits: Sequence[float]
    responses: Sequence[float]
    refused: int
    audio_s_per_s: float
    batch_windows: float

    @property
    def refused_share(self) -> float:
        """Share of the recordings that were refused, 0 to 1."""
        return self.refused / max(1, self.refused + len(self.responses))

    def wait(self, quantile: float) -> float:
        """Returns a quantile of the waits in seconds; 0 where there are none."""
        return float(np.quantile(self.waits, quantile)) if self.waits else 0.0

    def response(self, quantile: float) -> float:
        """Returns a quantile of the responses in seconds; 0 where there are none."""
        return float(np.quantile(self.responses, quantile)) if self.responses else 0.0


def poisson(rate: float, lengths: Lengths, *, recordings: int, seed: int = 0) -> list[Arrival]:
    """Returns arrivals at random instants.

    Args:
        rate: recordings a second.
        lengths: of the recordings.
        recordings: how many.
        seed: of the random numbers.
    """
    generator = random.Random(seed)
    arrivals, now = [], 0.0
    for _ in range(recordings):
        now += generator.expovariate(rate)
        length = generator.choices(lengths.seconds, lengths.weights)[0]
        arrivals.append(Arrival(now, length))
    return arrivals


def simulate(cluster: Cluster, arrivals: Sequence[Arrival], *, seed: int = 0) -> Outcome:
    """Returns what becomes of the arrivals, which are in order of time."""
    return _Simulation(cluster, random.Random(seed)).run(arrivals)


@dataclass(slots=True)
class _Recording:
    arrived: float
    windows: deque[float]
    began: float | None = None
    encoding: int = 0


@dataclass(slots=True)
class _Replica:
    queue: deque[_Recording] = field(default_factory=deque)
    recordings: int = 0
    audio: float = 0.0
    busy: bool = False
    busy_seconds: float = 0.0


class _Simulation:
    """The state of one simulation.

    Args:
        cluster: what is simulated.
        random: chooses replicas.
    """

    def __init__(self, cluster: Cluster, random: random.Random) -> None:
        self._cluster = cluster
        self._random = random
        self._replicas = [_Replica() for _ in range(cluster.replicas)]
        self._shared: deque[_Recording] = deque()
        self._shared_audio = 0.0
        # Ends of batches; the number keeps equal instants apart.
        self._ends: list[tuple[float, int, int, list[_Recording]]] = []
        self._number = 0
        self._waits: list[float] = []
        self._responses: list[float] = []
        self._refused = 0
        self._batches = self._windows = 0

    def run(self, arrivals: Sequence[Arrival]) -> Outcome:
        """Runs until everything that was accepted is encoded."""
        accepted = 0.0
        last = arrivals[0].at
        for arrival in arrivals:
            self._advance(arrival.at)
            if self._arrive(arrival):
                accepted += arrival.seconds
        while self._ends:
            last = self._ends[0][0]
            self._end_batch()
        duration = max(last, arrivals[-1].at) - arrivals[0].at
        busy = sum(replica.busy_seconds for replica in self._replicas)
        return Outcome(
            utilisation=busy / duration / len(self._replicas),
            waits=self._waits,
            responses=self._responses,
            refused=self._refused,
            audio_s_per_s=accepted / duration,
            batch_windows=self._windows / max(1, self._batches),
        )

    def _advance(self, until: float) -> None:
        while self._ends and self._ends[0][0] <= until:
            self._end_batch()

    def _arrive(self, arrival: Arrival) -> bool:
        recording = _Recording(arrival.at, deque(_windows(arrival.seconds)))
        chosen = self._choose()
        queued = self._replicas[chosen].audio
        if self._cluster.shared_queue:
            queued += self._shared_audio / len(self._replicas)
        if queued * self._cluster.cost.audio_second > self._cluster.patience:
            self._refused += 1
            return False
        if self._cluster.shared_queue:
            self._shared.append(recording)
            self._shared_audio += arrival.seconds
            for number, replica in enumerate(self._replicas):
                if not replica.busy:
                    self._take(number, arrival.at)
                    break
        else:
            self._add(chosen, recording)
            self._begin_batch(chosen, arrival.at)
        return True

    def _choose(self) -> int:
        count = len(self._replicas)
        pair = self._random.sample(range(count), min(2, count))
        return min(pair, key=lambda number: self._replicas[number].recordings)

    def _add(self, number: int, recording: _Recording) -> None:
        replica = self._replicas[number]
        replica.queue.append(recording)
        replica.recordings += 1
        replica.audio += sum(recording.windows)

    def _take(self, number: int, now: float) -> None:
        """Takes recordings from the shared queue, and begins a batch."""
        replica = self._replicas[number]
        while self._shared and replica.recordings < self._cluster.jobs_at_once:
            recording = self._shared.popleft()
            self._shared_audio -= sum(recording.windows)
            self._add(number, recording)
        self._begin_batch(number, now)

    def _begin_batch(self, number: int, now: float) -> None:
        replica, cost = self._replicas[number], self._cluster.cost
        if replica.busy or not replica.queue:
            return
        batch: list[_Recording] = []
        seconds, new = 0.0, 0
        while replica.queue and (
            not batch or seconds + replica.queue[0].windows[0] <= self._cluster.batch_seconds
        ):
            recording = replica.queue.popleft()
            seconds += recording.windows.popleft()
            recording.encoding += 1
            if recording.began is None:
                recording.began = now
                self._waits.append(now - recording.arrived)
                new += 1
            batch.append(recording)
            if recording.windows:
                replica.queue.append(recording)
        taken = cost.batch + cost.request * new + cost.audio_second * seconds
        replica.busy, replica.audio = True, replica.audio - seconds
        replica.busy_seconds += taken
        self._batches += 1
        self._windows += len(batch)
        self._number += 1
        heapq.heappush(self._ends, (now + taken, self._number, number, batch))

    def _end_batch(self) -> None:
        now, _, number, batch = heapq.heappop(self._ends)
        replica = self._replicas[number]
        replica.busy = False
        for recording in batch:
            recording.encoding -= 1
            if not recording.windows and not recording.encoding:
                replica.recordings -= 1
                self._responses.append(now - recording.arrived + self._cluster.extra_seconds)
        if self._cluster.shared_queue:
            self._take(number, now)
        else:
            self._begin_batch(number, now)


def _windows(seconds: float) -> Iterator[float]:
    """Yields the lengths of a recording's windows."""
    while seconds > WINDOW_SECONDS:
        yield WINDOW_SECONDS
        seconds -= WINDOW_SECONDS
    yield seconds
