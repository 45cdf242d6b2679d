"""The learning rate of each update of a recipe, and the number of updates.

The one schedule of `plan` and of training.
"""

from dataclasses import replace
from math import ceil

from trainer.recipe_schema import DataRecipe, TrainingRecipe

FILL = 0.92
"""Part of a batch of `batch_seconds` that is audio; the rest is padding and what did not fit.

Measured with `trainer.training.order` on lengths like those of NPSC, NST and the demos: 0.90 to
0.93.
"""


def learning_rate(step: int, recipe: TrainingRecipe, total_steps: int) -> float:
    """Returns the rate of an update, counted from 0, of a training of `total_steps` updates.

    `linear` is transformers' `get_linear_schedule_with_warmup`, which the published checkpoints
    were trained with: 0 at update 0, the full rate at update `warmup_steps`, then straight down
    towards `final_learning_rate`, which the update after the last would have.

    `plateau` is warmup-stable-decay (Hu et al. 2024, arXiv:2404.06395): until the last
    `decay_steps` nothing depends on `total_steps`, so a training may be made longer or shorter
    while it runs. Its first update already has a rate above 0.
    """
    peak, final = recipe.learning_rate, recipe.final_learning_rate
    if step < recipe.warmup_steps:
        done = step if recipe.schedule == "linear" else step + 1
        return peak * done / recipe.warmup_steps
    fall = total_steps - recipe.warmup_steps if recipe.schedule == "linear" else recipe.decay_steps
    left = min(1.0, max(0.0, (total_steps - step) / max(1, fall)))
    return final + (peak - final) * left


def shared(training: TrainingRecipe, devices: int) -> TrainingRecipe:
    """Returns the numbers with which each of several devices takes its part of an update.

    The update stays as large as on one device: accumulation is divided by the devices, and where
    that leaves a rest, batches are smaller. Only where an update's utterances cannot be divided by
    the devices it becomes as near to that as may be.
    """
    if devices == 1:
        return training
    accumulation = ceil(training.accumulation / devices)
    share = training.accumulation / (accumulation * devices)
    utterances = training.device_batch
    return replace(
        training,
        accumulation=accumulation,
        device_batch=max(1, round(utterances * share)) if utterances else 0,
        batch_seconds=training.batch_seconds * share,
    )


def micro_batches(data: DataRecipe, training: TrainingRecipe, *, devices: int = 1) -> int:
    """Returns how many batches each device sees in an epoch; the last may be smaller.

    Batches by seconds are an estimate, from the audio there is.
    """
    if training.device_batch:
        return ceil(ceil(data.train_samples / training.device_batch) / devices)
    return ceil(data.train_seconds / (training.batch_seconds * FILL * devices))


def steps_per_epoch(data: DataRecipe, training: TrainingRecipe, *, devices: int = 1) -> int:
    """Returns the updates of an epoch: accumulated batches that are no full update are dropped.

    That is how transformers 4.17 counted, and what the published logs have. Today's takes the
    incomplete one as an update too; bundled recipes have sample counts where it is the same.
    """
    return max(1, micro_batches(data, training, devices=devices) // training.accumulation)


def total_steps(data: DataRecipe, training: TrainingRecipe, *, devices: int = 1) -> int:
    """Returns the updates of the whole training."""
    if training.steps:
        return training.steps
    return ceil(training.epochs * steps_per_epoch(data, training, devices=devices))
