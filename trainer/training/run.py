"""Trains a recipe on a data folder into a run folder: checkpoints, log and export.

The training is a function of the recipe, the data and the number of the update, so that one
that was stopped and resumed ends with the same weights as one that was not.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copyfile

import torch
from transformers import Wav2Vec2ForCTC

from trainer.data import Record, read_split
from trainer.data.folder import split_sources
from trainer.errors import DataError, TrainingError
from trainer.lora import add_lora
from trainer.provenance import (
    RUN_FILE,
    Provenance,
    SplitFacts,
    TeacherFacts,
    changed_numerics,
    check_unchanged,
    installed_versions,
    recipe_values,
    start_of,
)
from trainer.recipe import DistillationRecipe, Recipe
from trainer.schedule import shared
from trainer.sharding import Sharding, shards
from trainer.training.checkpoints import checkpoints, set_aside
from trainer.training.devices import Devices, open_devices
from trainer.training.disk import writing
from trainer.training.distillation import DistillationObjective
from trainer.training.exports import Exports
from trainer.training.feed import BatchStream
from trainer.training.framing import Framing
from trainer.training.initial import initial_model, resumed_model
from trainer.training.interrupt import InterruptFlag
from trainer.training.log import EvaluationLog, TensorBoardLog, TrainingLog
from trainer.training.loss import resolve_precision
from trainer.training.network import CtcNetwork
from trainer.training.order import Schedule, UpdateSize
from trainer.training.progress import Progress, ProgressReport
from trainer.training.restore import Saved, last_whole_checkpoint
from trainer.training.teacher import Teacher, load_teacher
from trainer.training.trainer import CtcTrainer
from trainer.training.validation import validate
from trainer.training.vocabulary import tokens_for, write_tokens

_DISTILLATION = DistillationRecipe(ctc_weight=0.3)
"""Of a recipe without the table `[distillation]`."""


def fit(
    recipe: Recipe,
    data: Path,
    output: Path,
    *,
    init: Path | None = None,
    teacher: Path | None = None,
    max_steps: int | None = None,
    resume: bool = False,
    precision: str | None = None,
    scale_batch: bool = False,
    sharding: Sharding = "none",
    measure_start: bool = False,
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
        teacher: checkpoint folder whose emissions to learn (distillation); texts are not needed
            then.
        max_steps: stop after this update of the schedule.
        resume: continue from the last checkpoint in `output`, where there is one.
        precision: in place of the recipe's.
        scale_batch: on several devices, whether each takes the recipe's whole batch; by default an
            update is as large as on one.
        sharding: on several devices, whether each holds a part of the model only.
        measure_start: whether to report how the weights do that it starts from, as update 0.
        recipe_file: copied into the run, for the card.
        report: called after every update and every evaluation.
        warn: called with each message for a person, one line.

    Raises:
        DataError: the data are missing, `output` is a file, or it holds a run and `resume` is off.
        RecipeError: the weights to start from or the precision are not available, or they have
            another shape than the recipe; the model cannot be divided.
        TrainingError: the run cannot be resumed with this recipe and these data, the gradient
            stays infinite, or a file cannot be written.
    """
    _check_output(output, resume=resume)
    with open_devices() as opened:
        parts = shards(recipe.optimiser, opened.count, sharding)
        devices = replace(opened, sharded=parts > 1)
        notify = warn if devices.first else _ignore
        kind = resolve_precision(precision or recipe.training.precision, devices.device)
        trainer, tokens = _prepare(
            recipe,
            data,
            output,
            devices,
            kind,
            init=init,
            scale_batch=scale_batch,
            teacher=teacher,
            warn=warn,
            notify=notify,
        )
        last = min(trainer.steps, max_steps or trainer.steps)
        if measure_start and not trainer.step:
            figures = trainer.measure()
            if devices.first:
                report(Progress(0, trainer.steps, 0.0, figures[0], 0.0, 0.0, figures))
        exports = Exports(trainer, output, tokens)
        if devices.first:
            own_recipe = output / "recipe.toml"
            if recipe_file is not None and recipe_file.resolve() != own_recipe.resolve():
                copyfile(recipe_file, own_recipe)
            log = TrainingLog(output / "training_log.csv", keep_until=trainer.step)
            trainer.callbacks += [
                TensorBoardLog(trainer, output / "tensorboard", start=trainer.step),
                ProgressReport(trainer, report),
                EvaluationLog(trainer, log),
            ]
        trainer.callbacks.append(exports)
        if trainer.step < last and not trainer.stops_early():
            with InterruptFlag(notify) as stop_requested:
                trainer.train(last, stop_requested)
        if trainer.interrupted and trainer.step < last:
            notify(
                f"stopped after update {trainer.step:,} of {trainer.steps:,}, which is saved in "
                f"{output / f'checkpoint-{trainer.step}'}; the same command with --resume continues"
            )
        exports.finish()
        return trainer.network.model


def _check_output(output: Path, *, resume: bool) -> None:
    if output.exists() and not output.is_dir():
        raise DataError(f"{output} is a file; --output takes a folder to write the run into")
    if checkpoints(output) and not resume:
        raise DataError(f"{output} already holds a training; --resume continues it")


def _prepare(
    recipe: Recipe,
    data: Path,
    output: Path,
    devices: Devices,
    precision: str,
    *,
    init: Path | None,
    scale_batch: bool,
    teacher: Path | None,
    warn: Callable[[str], None],
    notify: Callable[[str], None],
) -> tuple[CtcTrainer, tuple[str, ...]]:
    """Returns a trainer at its first update or at that of the last checkpoint, and its tokens."""
    numbers = recipe.training if scale_batch else shared(recipe.training, devices.count)
    saved, damaged = last_whole_checkpoint(output, notify)
    train, valid = read_split(data, "train"), read_split(data, "valid")
    valid = valid[: numbers.evaluate_utterances or None]
    known = load_teacher(teacher, devices.device) if teacher else None
    fresh = known.tokens if known else tokens_for(recipe, train, init)
    tokens = saved.tokens if saved else fresh
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
    provenance = Provenance(
        recipe=recipe_values(recipe),
        steps=schedule.total_steps,
        start=None,
        train=SplitFacts.of(train, split_sources(data, "train")),
        valid=SplitFacts.of(valid, split_sources(data, "valid")),
        precision=precision,
        devices=devices.count,
        versions=installed_versions(),
        scale_batch=scale_batch,
        teacher=_facts(known, recipe) if known else None,
    )
    if saved:
        provenance = _resumed(output, provenance, saved, init, notify)
        model = resumed_model(recipe, saved)
    else:
        model, start = initial_model(recipe, tokens, init, notify)
        provenance = replace(provenance, start=start)
    network = _network(model, recipe, devices.device)
    framing = Framing.of(network.model.config)
    objective = None
    if known:
        objective = _distillation(known, recipe, train, framing, precision)
        valid = known.labelled(valid, precision)
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
        objective=objective,
    )
    if saved:
        trainer.load(saved)
    devices.wait()
    if devices.first:
        with writing(output):
            output.mkdir(parents=True, exist_ok=True)
            for folder in damaged:
                set_aside(folder)
            provenance.save(output)
    return trainer, tokens


def _facts(teacher: Teacher, recipe: Recipe) -> TeacherFacts:
    weight = (recipe.distillation or _DISTILLATION).ctc_weight
    return TeacherFacts(teacher.start.name, teacher.start.hub, teacher.digest, weight)


def _distillation(
    teacher: Teacher, recipe: Recipe, train: Sequence[Record], framing: Framing, precision: str
) -> DistillationObjective:
    return DistillationObjective(
        teacher,
        offset=teacher.offset(framing),
        ctc_weight=(recipe.distillation or _DISTILLATION).ctc_weight,
        from_texts=all(record.text for record in train),
        precision=precision,
    )


def _resumed(
    output: Path,
    now: Provenance,
    saved: Saved,
    init: Path | None,
    notify: Callable[[str], None],
) -> Provenance:
    """Refuses to resume a run with anything else than it was begun with; returns the new record."""
    if not (output / RUN_FILE).is_file():
        notify(f"{output} has no {RUN_FILE}: recipe and data are taken for those it was begun with")
        return now
    begun = Provenance.load(output / RUN_FILE)
    check_unchanged(output, begun, now, step=saved.step)
    if init is not None and begun.start is not None and start_of(str(init)) != begun.start:
        raise TrainingError(
            f"{output} was begun from {begun.start.name}, not from {init}; --resume does without "
            "--init"
        )
    for line in changed_numerics(begun, now):
        notify(line)
    return begun.resumed_by(now)


def _ignore(_: str) -> None:
    pass


def _network(model: Wav2Vec2ForCTC, recipe: Recipe, device: torch.device) -> CtcNetwork:
    if recipe.model.freeze_feature_encoder:
        model.freeze_feature_encoder()  # type: ignore[no-untyped-call]
    adaptation = recipe.adaptation
    if adaptation is not None and adaptation.lora_rank:
        add_lora(model, rank=adaptation.lora_rank, alpha=adaptation.lora_alpha, seed=recipe.seed)
    return CtcNetwork(model, device, recompute=recipe.model.gradient_checkpointing)
