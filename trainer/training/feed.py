"""Prepares the micro-batches of each update ahead of time."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch

from trainer.data import Record, Waveform
from trainer.recipe import Recipe
from trainer.speech.augmentation import vary
from trainer.training.batches import Batch, collate, describe
from trainer.training.framing import Framing
from trainer.training.masks import span_mask
from trainer.training.order import Schedule, row_seconds

# A random stream for each purpose, so that no two share one.
_AUGMENT, _HIDE_FRAMES, _HIDE_FEATURES = range(3)


class BatchStream:
    """The training data of one device.

    Args:
        records: the training split.
        schedule: which of them each update sees.
        recipe: for the seed, the augmentation, the masks and the joined rows.
        tokens: of the targets.
        framing: of the model.
        device: number of this device among `devices`.
        devices: how many there are.
        warn: called with records whose audio cannot be read.
    """

    def __init__(
        self,
        records: Sequence[Record],
        schedule: Schedule,
        recipe: Recipe,
        tokens: tuple[str, ...],
        framing: Framing,
        *,
        device: int = 0,
        devices: int = 1,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.schedule = schedule
        self._records = records
        self._recipe = recipe
        self._tokens = tokens
        self._framing = framing
        self._device, self._devices = device, devices
        self._warn = warn

    def updates(self, start: int) -> Generator[list[Batch]]:
        """Yields the updates from `start` on; the next one is read while one is worked on."""
        steps = self.schedule.total_steps
        with ThreadPoolExecutor(1, "read-ahead") as reader:
            ahead = reader.submit(self.update, start)
            for step in range(start, steps):
                ready = ahead.result()
                if step + 1 < steps:
                    ahead = reader.submit(self.update, step + 1)
                yield ready

    def update(self, step: int) -> list[Batch]:
        """Reads the micro-batches of an update that are this device's.

        Raises:
            DataError: none of the audio of a micro-batch can be read.
        """
        recipe, numbers = self._recipe, self._recipe.training
        joined = 0.0
        if step >= numbers.join_from_step and numbers.join_seconds:
            joined = row_seconds(numbers.join_seconds, seed=recipe.seed, step=step)

        def change(wave: Waveform, index: int) -> Waveform:
            if recipe.augmentation is None:
                return wave
            return vary(wave, recipe.augmentation, self._choices(step, index, _AUGMENT))

        def read(indexes: Sequence[int]) -> Batch:
            batch = collate(
                self._records,
                indexes,
                self._framing,
                tokens=self._tokens,
                join_seconds=joined,
                augment=change,
                warn=self._warn,
            )
            return self._masked(batch, step)

        parts = self.schedule.update(step)
        shares = [
            [part for part in parts[device :: self._devices] if part]
            for device in range(self._devices)
        ]
        batches = [read(part) for part in shares[self._device]]
        # Devices compute in step: those with fewer utterances have batches that count for nothing.
        if spare := max(map(len, shares)) - len(batches):
            filler = replace(read(next(part for part in parts if part)[:1]), weight=0.0)
            batches += [filler] * spare
        return batches

    def _masked(self, batch: Batch, step: int) -> Batch:
        """Adds SpecAugment's masks."""
        model = self._recipe.model
        time_mask = feature_mask = None
        if model.mask_time_prob > 0:
            spans = span_mask(
                batch.frames.tolist(),
                [self._choices(step, row[0], _HIDE_FRAMES) for row in batch.rows],
                width=self._framing.frames(batch.waveforms.shape[1]),
                probability=model.mask_time_prob,
                length=model.mask_time_length,
                least=model.mask_time_min_masks,
            )
            time_mask = torch.from_numpy(spans)
        if model.mask_feature_prob > 0:
            spans = span_mask(
                [model.hidden_size] * len(batch.rows),
                [self._choices(step, row[0], _HIDE_FEATURES) for row in batch.rows],
                width=model.hidden_size,
                probability=model.mask_feature_prob,
                length=model.mask_feature_length,
                least=0,
            )
            feature_mask = torch.from_numpy(spans)
        return replace(batch, time_mask=time_mask, feature_mask=feature_mask)

    def _choices(self, step: int, index: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self._recipe.seed, step, index, purpose))

    def describe(self, row: Sequence[int]) -> str:
        """Names the records of a row: split, number and text of each."""
        return " + ".join(describe(self._records, index) for index in row)
