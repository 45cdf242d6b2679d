"""Reads the logs of the two published trainings, and what follows from them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from trainer.recipe import RECIPES


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of a model card's table; `epoch` is rounded to two decimals, as it is there."""

    training_loss: float
    epoch: float
    step: int
    validation_loss: float
    wer: float


def published_log(recipe_id: str) -> list[LogRow]:
    """Returns the rows of a published training, oldest first; none for a recipe of our own."""
    path = RECIPES / "published" / f"{recipe_id}.training_log.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            LogRow(
                training_loss=float(row["training_loss"]),
                epoch=float(row["epoch"]),
                step=int(row["step"]),
                validation_loss=float(row["validation_loss"]),
                wer=float(row["wer"]),
            )
            for row in csv.DictReader(file)
        ]


def implied_samples(
    log: Sequence[LogRow], *, steps_per_epoch: int, device_batch: int, accumulation: int
) -> tuple[int, int]:
    """Returns the fewest and the most utterances of a training that had this many updates an epoch.

    One update takes `accumulation` batches of `device_batch`, the last batch may be smaller, and
    what is no full update at the end of an epoch is dropped. Where a log is given, a number of
    batches must also give the epoch of every row: transformers 4.17 writes the epochs that are
    over, plus the part of this one's batches that is.
    """
    first = steps_per_epoch * accumulation
    possible = [
        batches
        for batches in range(first, first + accumulation)
        if all(
            row.epoch == round(_epoch(row.step, steps_per_epoch, accumulation, batches), 2)
            for row in log
        )
    ]
    if not possible:
        return (0, 0)
    return ((possible[0] - 1) * device_batch + 1, possible[-1] * device_batch)


def _epoch(step: int, steps_per_epoch: int, accumulation: int, batches: int) -> float:
    over = ceil(step / steps_per_epoch) - 1
    return over + (step - over * steps_per_epoch) * accumulation / batches
