"""Collates records into padded batches of normalised waveforms and their targets."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from app.audio import SAMPLE_RATE
from trainer.data import Record, Waveform
from trainer.errors import DataError
from trainer.model import TOKENS, encode
from trainer.training.framing import Framing

# Seconds between two joined utterances, on top of what each has at its ends.
_SILENCE = (0.0, 0.5)

Augment = Callable[[Waveform, int], Waveform]
"""Changes a waveform; the number is the record's index, to seed the random choices with."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded waveforms [items, samples], their lengths, and the targets one after another.

    `lengths` are in samples, `frames` in frames of logits and `target_lengths` in tokens, all
    [items] and on the CPU; `time_mask` [items, frames] and `feature_mask` [items, hidden] are
    what SpecAugment hides; `rows` are the records of each item, by index; `seconds` is the
    audio without padding. A batch with a `weight` of 0 counts for nothing: it stands in on a
    device that has no other work.
    """

    waveforms: torch.Tensor
    lengths: torch.Tensor
    frames: torch.Tensor
    targets: torch.Tensor
    target_lengths: torch.Tensor
    rows: tuple[tuple[int, ...], ...]
    seconds: float
    time_mask: torch.Tensor | None = None
    feature_mask: torch.Tensor | None = None
    weight: float = 1.0

    def to(self, device: torch.device) -> "Batch":
        """Returns the batch on a device; lengths stay where the CTC loss reads them, on the CPU."""
        if device.type == "cpu":
            return self
        return replace(
            self,
            waveforms=self.waveforms.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
            time_mask=None if self.time_mask is None else self.time_mask.to(device),
            feature_mask=None if self.feature_mask is None else self.feature_mask.to(device),
        )


def collate(
    records: Sequence[Record],
    indexes: Sequence[int],
    framing: Framing,
    *,
    tokens: tuple[str, ...] = TOKENS,
    join_seconds: float = 0.0,
    augment: Augment | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Batch:
    """Reads, joins, normalises (zero mean, unit variance, as the feature extractor) and pads.

    Args:
        records: where the utterances are.
        indexes: which ones.
        framing: of the model that will see them.
        tokens: of the targets.
        join_seconds: a row takes one utterance after another until it is this long, with a short
            silence between two, so that the model also meets what a long recording is like:
            several voices and levels, and attention over more than one sentence.
        augment: what is done to each waveform on its way.
        warn: called with records that are left out because their audio cannot be read.

    Raises:
        DataError: none of the audio can be read.
    """
    read = _read(records, indexes, warn)
    if augment is not None:
        read = {index: augment(wave, index) for index, wave in read.items()}
    rows = _rows(records, list(read), join_seconds)
    waves = [_join([read[index] for index in row], seed=row[0]) for row in rows]
    lengths = [len(wave) for wave in waves]
    waveforms = np.zeros((len(waves), framing.width(max(lengths))), np.float32)
    for place, wave in zip(waveforms, waves, strict=True):
        place[: len(wave)] = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
    targets = [encode(" ".join(records[index].text for index in row), tokens) for row in rows]
    return Batch(
        waveforms=torch.from_numpy(waveforms),
        lengths=torch.tensor(lengths),
        frames=torch.tensor([framing.frames(length) for length in lengths]),
        targets=torch.tensor([token for target in targets for token in target]),
        target_lengths=torch.tensor([len(target) for target in targets]),
        rows=tuple(tuple(row) for row in rows),
        seconds=sum(lengths) / SAMPLE_RATE,
    )


def describe(records: Sequence[Record], index: int) -> str:
    """Names a record: split, number and text."""
    return f"{records[index].split}/{index} {records[index].text!r}"


def _read(
    records: Sequence[Record], indexes: Sequence[int], warn: Callable[[str], None]
) -> dict[int, Waveform]:
    read: dict[int, Waveform] = {}
    problem = ""
    for index in indexes:
        try:
            read[index] = records[index].audio.waveform()
        except DataError as error:
            problem = f"{describe(records, index)} left out: {error}"
            warn(problem)
    if not read:
        raise DataError(f"nothing in a batch can be read; the last was {problem}")
    return read


def _rows(
    records: Sequence[Record], indexes: Sequence[int], join_seconds: float
) -> list[list[int]]:
    rows: list[list[int]] = []
    filled = join_seconds
    for index in indexes:
        if filled >= join_seconds:
            rows.append([])
            filled = 0.0
        rows[-1].append(index)
        filled += records[index].seconds
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
