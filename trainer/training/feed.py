"""Schedule and records in, the micro-batches of one update after another out, read ahead."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from trainer.data import Record, Waveform
from trainer.recipe import Recipe
from trainer.speech.augmentation import vary
from trainer.training.batches import Batch, collate
from trainer.training.order import Schedule, row_seconds


class Feed:
    """What one device learns from.

    Args:
        records: the training split.
        schedule: which of them each update sees.
        recipe: for the seed, the augmentation and the joined rows.
        tokens: of the targets.
        device: number of this device among `devices`.
        devices: how many there are.
    """

    def __init__(
        self,
        records: Sequence[Record],
        schedule: Schedule,
        recipe: Recipe,
        tokens: tuple[str, ...],
        *,
        device: int = 0,
        devices: int = 1,
    ) -> None:
        self.schedule = schedule
        self._records = records
        self._recipe = recipe
        self._tokens = tokens
        self._device, self._devices = device, devices

    def updates(self, start: int) -> Iterator[list[Batch]]:
        """Yield the updates from `start` on; the next one is read while one is worked on."""
        steps = self.schedule.total_steps
        with ThreadPoolExecutor(1, "read-ahead") as reader:
            ahead = reader.submit(self.update, start)
            for step in range(start, steps):
                ready = ahead.result()
                if step + 1 < steps:
                    ahead = reader.submit(self.update, step + 1)
                yield ready

    def update(self, step: int) -> list[Batch]:
        """Read the micro-batches of an update that are this device's.

        Raises:
            DataError: the audio of a record cannot be read.
        """
        recipe, numbers = self._recipe, self._recipe.training
        joined = 0.0
        if step >= numbers.join_from_step and numbers.join_seconds:
            joined = row_seconds(numbers.join_seconds, seed=recipe.seed, step=step)

        def augment(wave: Waveform, index: int) -> Waveform:
            if recipe.augmentation is None:
                return wave
            generator = np.random.default_rng((recipe.seed, step, index))
            return vary(wave, recipe.augmentation, generator)

        def read(indexes: Sequence[int], weight: float) -> Batch:
            return collate(
                self._records,
                indexes,
                tokens=self._tokens,
                join_seconds=joined,
                augment=augment,
                weight=weight,
            )

        parts = self.schedule.update(step)
        mine = [part for part in parts[self._device :: self._devices] if part]
        if mine:
            return [read(part, 1.0) for part in mine]
        # Too few utterances for all devices: this one keeps the others company.
        return [read(next(part for part in parts if part)[:1], 0.0)]

    def describe(self, row: Sequence[int]) -> str:
        """Name the records of a row: split, number and text of each."""
        named = [
            f"{self._records[index].split}/{index} {self._records[index].text!r}" for index in row
        ]
        return " + ".join(named)
