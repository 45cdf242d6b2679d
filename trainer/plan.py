"""Computes the updates, learning rates, samples, parameters and memory of a recipe's training.

Everything follows from the recipe's numbers; nothing is read, downloaded or built.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from trainer.errors import RecipeError
from trainer.memory import BatchShape, Device, Memory, count_parameters, training_memory
from trainer.published import implied_samples, published_log
from trainer.recipe import DataRecipe, Recipe, TrainingRecipe
from trainer.schedule import learning_rate, shared, steps_per_epoch, total_steps
from trainer.sharding import Sharding, shards

_QUARTERS = (0.25, 0.5, 0.75)
_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate that an update, counted from 0, is taken with."""

    step: int
    epoch: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The figures of a training.

    `effective_batch` is utterances an update, over all devices; where batches hold seconds it is
    their mean and `estimated` is true, as are then the updates of an epoch. A device takes
    `accumulation` batches of `device_batch` utterances, or of `batch_seconds`, for each.
    `samples_implied` are the fewest and most utterances that give these updates, and where a log
    was published, its epochs too; null where batches hold seconds. `memory` is that of one device
    with the recipe's `gradient_checkpointing`, `memory_otherwise` that without (or with); with
    `sharding` full a device holds a part of the model.
    """

    recipe: str
    devices: int
    sharding: Sharding
    steps_per_epoch: int
    total_steps: int
    epochs: float
    effective_batch: int
    effective_batch_seconds: float
    estimated: bool
    device_batch: int
    batch_seconds: float
    accumulation: int
    evaluations: int
    samples: int
    samples_implied: tuple[int, int] | None
    hours_per_epoch: float
    hours_in_all: float
    parameters: int
    trainable_parameters: int
    learning_rates: tuple[Rate, ...]
    device: Device
    largest_batch: BatchShape
    gradient_checkpointing: bool
    memory: Memory
    memory_otherwise: Memory

    def as_dict(self) -> dict[str, Any]:
        """Returns everything as JSON has it; memory in bytes, with its total."""
        fields = asdict(self)
        for name, memory in (("memory", self.memory), ("memory_otherwise", self.memory_otherwise)):
            fields[name]["total"] = memory.total
        return fields


def plan(
    recipe: Recipe,
    *,
    devices: int = 1,
    scale_batch: bool = False,
    sharding: Sharding = "none",
    device: Device = "cuda",
    at: Sequence[int] = (),
) -> Plan:
    """Computes the plan of a training.

    Args:
        recipe: every number.
        devices: how many share an update.
        scale_batch: whether each takes as much as one alone would, so that updates are larger.
        sharding: whether each holds the whole model or a part.
        device: what the memory is computed for.
        at: updates, counted from 0, to give the learning rate of besides the usual ones.

    Raises:
        RecipeError: an update in `at` that the training does not have, no devices, or a model
            that cannot be divided among them.
    """
    if devices < 1:
        raise RecipeError(f"a training needs at least one device, not {devices}")
    data = recipe.data
    training = recipe.training if scale_batch else shared(recipe.training, devices)
    epoch_steps = steps_per_epoch(data, training, devices=devices)
    steps = total_steps(data, training, devices=devices)
    if beyond := [step for step in at if not 0 <= step < steps]:
        raise RecipeError(f"{recipe.id} has the updates 0 to {steps - 1}, and no {beyond[0]}")
    utterances, seconds = _effective_batch(data, training, devices)
    count = count_parameters(recipe.model, recipe.adaptation)
    batch = largest_batch(data, training)
    parts = shards(recipe.optimiser, devices, sharding)
    memory, otherwise = (
        training_memory(
            recipe.model,
            batch,
            half=training.precision != "fp32",
            device=device,
            checkpointing=checkpointing,
            adaptation=recipe.adaptation,
            shards=parts,
        )
        for checkpointing in (
            recipe.model.gradient_checkpointing,
            not recipe.model.gradient_checkpointing,
        )
    )
    return Plan(
        recipe=recipe.id,
        devices=devices,
        sharding=sharding,
        steps_per_epoch=epoch_steps,
        total_steps=steps,
        epochs=round(steps / epoch_steps, 2),
        effective_batch=utterances,
        effective_batch_seconds=seconds,
        estimated=not training.device_batch,
        device_batch=training.device_batch,
        batch_seconds=training.batch_seconds,
        accumulation=training.accumulation,
        evaluations=steps // training.evaluate_every,
        samples=data.train_samples,
        samples_implied=_implied(recipe.id, training, epoch_steps, devices),
        hours_per_epoch=round(data.train_seconds / _SECONDS_AN_HOUR, 2),
        hours_in_all=round(data.train_seconds / _SECONDS_AN_HOUR * steps / epoch_steps, 1),
        parameters=count.total,
        trainable_parameters=count.trainable,
        learning_rates=tuple(
            Rate(step, round(step / epoch_steps, 2), learning_rate(step, training, steps))
            for step in sorted({*_usual_steps(training, steps), *at})
        ),
        device=device,
        largest_batch=batch,
        gradient_checkpointing=recipe.model.gradient_checkpointing,
        memory=memory,
        memory_otherwise=otherwise,
    )


def largest_batch(data: DataRecipe, training: TrainingRecipe) -> BatchShape:
    """Returns the batch that needs the most memory: full, and of rows as long as may be."""
    if training.device_batch:
        return BatchShape(training.device_batch, data.max_seconds)
    if training.batch_seconds <= data.max_seconds:
        return BatchShape(1, data.max_seconds)
    longest = min(training.batch_seconds, max(data.max_seconds, *training.join_seconds, 0.0))
    rows = ceil(training.batch_seconds / longest)
    return BatchShape(rows, round(training.batch_seconds / rows, 2))


def _effective_batch(data: DataRecipe, training: TrainingRecipe, devices: int) -> tuple[int, float]:
    mean = data.train_seconds / data.train_samples
    if training.device_batch:
        utterances = training.device_batch * training.accumulation * devices
        return utterances, round(utterances * mean, 1)
    updates = steps_per_epoch(data, training, devices=devices)
    utterances = max(1, round(data.train_samples / updates))
    return utterances, round(data.train_seconds / updates, 1)


def _implied(
    recipe_id: str, training: TrainingRecipe, epoch_steps: int, devices: int
) -> tuple[int, int] | None:
    if not training.device_batch:
        return None
    return implied_samples(
        published_log(recipe_id) if devices == 1 else [],
        steps_per_epoch=epoch_steps,
        device_batch=training.device_batch * devices,
        accumulation=training.accumulation,
    )


def _usual_steps(training: TrainingRecipe, steps: int) -> set[int]:
    quarters = {int(steps * part) for part in _QUARTERS}
    return {0, min(training.warmup_steps, steps - 1), *quarters, steps - 1}
