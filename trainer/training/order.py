"""Assigns utterances to updates by their durations; each update is computed independently.

The order is a function of the seed and the epoch alone, which is what makes a resumed training
see exactly the batches an uninterrupted one would have seen.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_JITTER = 0.05


@dataclass(frozen=True, slots=True)
class UpdateSize:
    """The size of an update: how many micro-batches one after another on how many devices.

    Each holds `utterances` utterances, or where that is 0, up to `seconds` of padded audio.
    """

    utterances: int
    seconds: float
    accumulation: int = 1
    devices: int = 1

    @property
    def parts(self) -> int:
        """Micro-batches of an update, of all devices."""
        return self.accumulation * self.devices

    def admits(self, count: int, longest: float) -> bool:
        """Returns whether an update may have so many utterances of at most that length."""
        if self.utterances:
            return count <= self.utterances * self.parts
        return longest * count <= self.seconds * self.parts

    def surplus(self, utterances: int) -> int:
        """Returns how many utterances of an epoch are dropped: those that make no full update.

        As in transformers 4.17, an update lacks utterances at the end of an epoch, but no
        micro-batch (`trainer.schedule.steps_per_epoch`).
        """
        if not self.utterances:
            return 0
        micro_batches = math.ceil(math.ceil(utterances / self.utterances) / self.devices)
        updates = max(1, micro_batches // self.accumulation)
        return max(0, utterances - updates * self.utterances * self.parts)


def plan_epoch(
    seconds: Sequence[float], size: UpdateSize, *, seed: int, epoch: int, shortest_first: bool
) -> list[list[int]]:
    """Cuts one epoch into updates of utterances of like length.

    Utterances are sorted by their length, give or take 5 % so that neighbours change from
    epoch to epoch. Updates come in random order, or from short to long.
    """
    choice = random.Random(f"{seed}/{epoch}")
    keys = [length * (1 + choice.uniform(-_JITTER, _JITTER)) for length in seconds]
    left_out = set(choice.sample(range(len(seconds)), size.surplus(len(seconds))))
    order = sorted(set(range(len(seconds))) - left_out, key=keys.__getitem__)
    updates: list[list[int]] = []
    longest = 0.0
    for index in order:
        longest = max(longest, seconds[index])
        if updates and size.admits(len(updates[-1]) + 1, longest):
            updates[-1].append(index)
        else:
            updates.append([index])
            longest = seconds[index]
    if not shortest_first:
        choice.shuffle(updates)
    return updates


class Schedule:
    """Which utterances each update of a whole training sees.

    Args:
        seconds: length of every utterance.
        size: of one update.
        sorted_epochs: how many epochs go from short to long.
        seed: drives the order.
        steps: how many updates the training has; 0 where `epochs` is given.
        epochs: how many times it sees the data.
    """

    def __init__(
        self,
        seconds: Sequence[float],
        size: UpdateSize,
        *,
        sorted_epochs: int,
        seed: int,
        steps: int = 0,
        epochs: float = 0.0,
    ) -> None:
        self._parts = size.parts
        self._updates: list[list[int]] = []
        self._epoch_ends: list[int] = []
        while len(self._updates) < steps or (not steps and len(self._epoch_ends) < epochs):
            epoch = len(self._epoch_ends)
            first = epoch < sorted_epochs
            self._updates += plan_epoch(seconds, size, seed=seed, epoch=epoch, shortest_first=first)
            self._epoch_ends.append(len(self._updates))
        self.total_steps = steps or self._steps_of(epochs)

    def update(self, step: int) -> list[list[int]]:
        """Returns the micro-batches of an update, counted from 0; some may be empty."""
        group, parts = self._updates[step], self._parts
        cuts = [len(group) * part // parts for part in range(parts + 1)]
        return [group[start:end] for start, end in pairwise(cuts)]

    def epoch(self, steps_done: int) -> float:
        """Returns how many epochs have passed after so many updates."""
        full = bisect_right(self._epoch_ends, steps_done)
        if full == len(self._epoch_ends):
            return float(full)
        start = self._epoch_ends[full - 1] if full else 0
        return full + (steps_done - start) / (self._epoch_ends[full] - start)

    def _steps_of(self, epochs: float) -> int:
        full = int(epochs)
        start = self._epoch_ends[full - 1] if full else 0
        if full == len(self._epoch_ends):
            return start
        return start + math.ceil((epochs - full) * (self._epoch_ends[full] - start))


def row_seconds(choices: Sequence[float], *, seed: int, step: int) -> float:
    """Returns how long the rows of an update are to be, drawn from the choices."""
    return random.Random(f"{seed}/{step}/rows").choice(choices)
