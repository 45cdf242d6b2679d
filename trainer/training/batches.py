"""Durations in, batches of utterances of like length out; any step's batch without the others.

The order is a function of the seed and the epoch alone, which is what makes a resumed training
see exactly the batches an uninterrupted one would have seen.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.store import SAMPLE_RATE, Split
from trainer.model import encode

_JITTER = 0.05
# Seconds between two joined utterances, on top of what each has at its ends.
_SILENCE = (0.0, 0.5)

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded waveforms [items, samples], attention mask, and the targets one after another.

    `target_lengths` are in tokens, [items]; `seconds` is the audio without padding.
    """

    waveforms: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor
    target_lengths: torch.Tensor
    seconds: float


def plan_epoch(
    seconds: Sequence[float], *, budget: float, seed: int, epoch: int, shortest_first: bool
) -> list[list[int]]:
    """Cut one epoch into batches of at most `budget` padded seconds.

    Utterances are sorted by their length, give or take 5 % so that neighbours change from
    epoch to epoch. Batches come in random order, or from short to long.
    """
    choice = random.Random(f"{seed}/{epoch}")
    keys = [length * (1 + choice.uniform(-_JITTER, _JITTER)) for length in seconds]
    order = sorted(range(len(seconds)), key=keys.__getitem__)
    batches: list[list[int]] = []
    longest = 0.0
    for index in order:
        longest = max(longest, seconds[index])
        if batches and longest * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = seconds[index]
    if not shortest_first:
        choice.shuffle(batches)
    return batches


class Schedule:
    """Which utterances each step of a whole training sees.

    Args:
        seconds: length of every utterance.
        budget: padded seconds of a batch.
        sorted_epochs: how many epochs go from short to long.
        seed: drives the order.
        steps: how many steps the training has.
    """

    def __init__(
        self, seconds: Sequence[float], *, budget: float, sorted_epochs: int, seed: int, steps: int
    ) -> None:
        self._steps: list[list[int]] = []
        self._epoch_ends: list[int] = []
        while len(self._steps) < steps:
            epoch = len(self._epoch_ends)
            first = epoch < sorted_epochs
            self._steps += plan_epoch(
                seconds, budget=budget, seed=seed, epoch=epoch, shortest_first=first
            )
            self._epoch_ends.append(len(self._steps))

    def batch(self, step: int) -> list[int]:
        """Return the utterances of a step, counted from 0."""
        return self._steps[step]

    def epoch(self, steps_done: int) -> float:
        """Return how many epochs have passed after so many steps."""
        full = bisect_right(self._epoch_ends, steps_done)
        if full == len(self._epoch_ends):
            return float(full)
        start = self._epoch_ends[full - 1] if full else 0
        return full + (steps_done - start) / (self._epoch_ends[full] - start)


def row_seconds(choices: Sequence[float], *, seed: int, step: int) -> float:
    """Return how long the rows of a step are to be, drawn from the choices."""
    return random.Random(f"{seed}/{step}/rows").choice(choices)


def collate(split: Split, indexes: Sequence[int], *, join_seconds: float = 0.0) -> Batch:
    """Read, join, normalise (zero mean, unit variance, as the feature extractor does) and pad.

    Args:
        split: where the utterances are.
        indexes: which ones.
        join_seconds: a row takes one utterance after another until it is this long, with a short
            silence between two, so that the model also meets what a long recording is like:
            several voices and levels, and attention over more than one sentence.
    """
    rows = _rows(split, indexes, join_seconds)
    waves = [_join([split.waveform(index) for index in row], seed=row[0]) for row in rows]
    longest = max(len(wave) for wave in waves)
    waveforms = np.zeros((len(waves), longest), np.float32)
    mask = np.zeros((len(waves), longest), np.int64)
    for row, wave in enumerate(waves):
        waveforms[row, : len(wave)] = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
        mask[row, : len(wave)] = 1
    targets = [encode(" ".join(split.utterances[index].text for index in row)) for row in rows]
    return Batch(
        waveforms=torch.from_numpy(waveforms),
        mask=torch.from_numpy(mask),
        targets=torch.tensor([token for target in targets for token in target]),
        target_lengths=torch.tensor([len(target) for target in targets]),
        seconds=sum(len(wave) for wave in waves) / SAMPLE_RATE,
    )


def _rows(split: Split, indexes: Sequence[int], join_seconds: float) -> list[list[int]]:
    rows: list[list[int]] = []
    filled = join_seconds
    for index in indexes:
        if filled >= join_seconds:
            rows.append([])
            filled = 0.0
        rows[-1].append(index)
        filled += split.utterances[index].seconds
    return rows


def _join(waves: Sequence[Waveform], *, seed: int) -> Waveform:
    if len(waves) == 1:
        return waves[0]
    choice = random.Random(seed)
    parts: list[Waveform] = []
    for wave in waves:
        silence = round(choice.uniform(*_SILENCE) * SAMPLE_RATE)
        parts += [wave, np.zeros(silence, np.float32)]
    return np.concatenate(parts)
