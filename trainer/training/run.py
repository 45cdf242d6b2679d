"""Trains a recipe on a data folder into a run folder: checkpoints, log and export.

The training is a function of the recipe, the data and the number of the update, so that one
that was stopped and resumed ends with the same weights as one that was not.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copyfile

import torch
from transformers import Wav2Vec2ForCTC

from trainer.data import read_split
from trainer.errors import DataError
from trainer.recipe import Recipe
from trainer.training.checkpoints import checkpoints
from trainer.training.devices import Devices, open_devices
from trainer.training.exports import Exports
from trainer.training.feed import BatchStream
from trainer.training.framing import Framing
from trainer.training.initial import initial_model
from trainer.training.interrupt import InterruptFlag
from trainer.training.log import EvaluationLog, TensorBoardLog, TrainingLog
from trainer.training.loss import resolve_precision
from trainer.training.network import CtcNetwork
from trainer.training.order import Schedule, UpdateSize
from trainer.training.progress import Progress, ProgressReport
from trainer.training.trainer import CtcTrainer
from trainer.training.validation import validate
from trainer.training.vocabulary import tokens_for, tokens_of, write_tokens


def fit(
    recipe: Recipe,
    data: Path,
    output: Path,
    *,
    init: Path | None = None,
    max_steps: int | None = None,
    resume: bool = False,
    precision: str | None = None,
    recipe_file: Path | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Wav2Vec2ForCTC:
    """Trains and returns the model; the schedule is the recipe's even if `max_steps` ends it early.

    Args:
        recipe: every number.
        data: folder with the splits `train` and `valid`.
        output: run folder; made if it is not there.
        init: checkpoint folder to start from, in place of the recipe's.
        max_steps: stop after this update of the schedule.
        resume: continue from the last checkpoint in `output`, where there is one.
        precision: in place of the recipe's.
        recipe_file: copied into the run, for the card.
        report: called after every update and every evaluation.
        warn: called with each message for a person, one line.

    Raises:
        DataError: the data are missing, or `output` holds a run and `resume` is off.
        RecipeError: the weights to start from or the precision are not available.
        TrainingError: the gradient stays infinite.
    """
    saved = checkpoints(output)
    if saved and not resume:
        raise DataError(f"{output} already holds a training; --resume continues it")
    with open_devices() as devices:
        kind = resolve_precision(precision or recipe.training.precision, devices.device)
        trainer, tokens = _prepare(
            recipe, data, output, devices, kind, init=init, last_saved=saved[-1] if saved else None,
            warn=warn,
        )  # fmt: skip
        last = min(trainer.steps, max_steps or trainer.steps)
        exports = Exports(trainer, output, tokens)
        if devices.first:
            output.mkdir(parents=True, exist_ok=True)
            if recipe_file is not None:
                copyfile(recipe_file, output / "recipe.toml")
            log = TrainingLog(output / "training_log.csv", keep_until=trainer.step)
            trainer.callbacks += [
                TensorBoardLog(trainer, output / "tensorboard", start=trainer.step),
                ProgressReport(trainer, report),
                EvaluationLog(trainer, log),
                exports,
            ]
        if trainer.step < last and not trainer.stops_early():
            with InterruptFlag() as stop_requested:
                trainer.train(last, stop_requested)
        exports.finish()
        return trainer.network.model


def _prepare(
    recipe: Recipe,
    data: Path,
    output: Path,
    devices: Devices,
    precision: str,
    *,
    init: Path | None,
    last_saved: Path | None,
    warn: Callable[[str], None],
) -> tuple[CtcTrainer, tuple[str, ...]]:
    """Returns a trainer at its first update or at that of the last checkpoint, and its tokens."""
    numbers = recipe.training
    train, valid = read_split(data, "train"), read_split(data, "valid")
    valid = valid[: numbers.evaluate_utterances or None]
    tokens = (last_saved and tokens_of(last_saved)) or tokens_for(recipe, train)
    schedule = Schedule(
        [record.seconds for record in train],
        UpdateSize(
            numbers.device_batch, numbers.batch_seconds, numbers.accumulation, devices.count
        ),
        sorted_epochs=numbers.sorted_epochs,
        seed=recipe.seed,
        steps=numbers.steps,
        epochs=numbers.epochs,
    )
    network = _network(initial_model(recipe, tokens, init, warn), recipe, devices.device)
    framing = Framing.of(network.model.config)
    trainer = CtcTrainer(
        network,
        devices,
        output,
        recipe=recipe,
        feed=BatchStream(
            train,
            schedule,
            recipe,
            tokens,
            framing,
            device=devices.rank,
            devices=devices.count,
            warn=warn,
        ),
        precision=precision,
        validate=partial(
            validate,
            records=valid,
            tokens=tokens,
            precision=precision,
            loss_per=recipe.model.loss_per,
            device=devices.rank,
            devices=devices.count,
        ),
        save_tokens=partial(write_tokens, tokens=tokens),
        warn=warn,
    )
    if last_saved:
        trainer.load(last_saved)
    return trainer, tokens


def _network(model: Wav2Vec2ForCTC, recipe: Recipe, device: torch.device) -> CtcNetwork:
    if recipe.model.freeze_feature_encoder:
        model.freeze_feature_encoder()  # type: ignore[no-untyped-call]
    return CtcNetwork(model, device, recompute=recipe.model.gradient_checkpointing)
