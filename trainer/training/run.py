"""A recipe and a data folder in, a run folder out: checkpoints, log, export.

The training is a function of the recipe, the data and the number of the update, so that one
that was stopped and resumed ends with the same weights as one that was not.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copyfile

import torch
from transformers import TrainingArguments, Wav2Vec2ForCTC

from trainer.data import read_split
from trainer.errors import DataError
from trainer.recipe import Recipe
from trainer.training.checkpoints import checkpoints, step_of
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
from trainer.training.rhythm import ScheduleCallback, stops_early
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
    say: Callable[[str], None] = lambda _: None,
) -> Wav2Vec2ForCTC:
    """Train and return the model; the schedule is the recipe's even when `max_steps` ends it early.

    Args:
        recipe: every number.
        data: folder with the splits `train` and `valid`.
        output: run folder; made if it is not there.
        init: checkpoint folder to start from, in place of the recipe's.
        max_steps: stop after this update of the schedule.
        resume: go on from the last checkpoint in `output`, where there is one.
        precision: in place of the recipe's.
        recipe_file: copied into the run, for the card.
        report: called after every update and every evaluation.
        say: told in a line what a person should know.

    Raises:
        DataError: the data are missing, or `output` holds a run and `resume` is off.
        RecipeError: the weights to start from cannot be had, or the precision is not for here.
        TrainingError: the gradient stays infinite.
    """
    saved = checkpoints(output)
    if saved and not resume:
        raise DataError(f"{output} already holds a training; --resume goes on with it")
    last_saved = saved[-1] if saved else None
    cuda = torch.cuda.is_available()
    kind = resolve_precision(
        precision or recipe.training.precision, torch.device("cuda" if cuda else "cpu")
    )
    args = _arguments(recipe, output, kind)
    numbers, rank, world = recipe.training, args.process_index, args.world_size
    train, valid = read_split(data, "train"), read_split(data, "valid")
    valid = valid[: numbers.evaluate_utterances or None]
    tokens = (last_saved and tokens_of(last_saved)) or tokens_for(recipe, train)
    schedule = Schedule(
        [record.seconds for record in train],
        UpdateSize(numbers.device_batch, numbers.batch_seconds, numbers.accumulation, world),
        sorted_epochs=numbers.sorted_epochs,
        seed=recipe.seed,
        steps=numbers.steps,
        epochs=numbers.epochs,
    )
    args.max_steps = schedule.total_steps
    network = _network(initial_model(recipe, tokens, init, say), recipe, args.device)
    framing = Framing.of(network.model.config)
    trainer = CtcTrainer(
        network,
        args,
        recipe=recipe,
        feed=BatchStream(
            train, schedule, recipe, tokens, framing, device=rank, devices=world, warn=say
        ),
        precision=kind,
        validate=partial(
            validate,
            records=valid,
            tokens=tokens,
            precision=kind,
            loss_per=recipe.model.loss_per,
            device=rank,
            devices=world,
        ),
        save_tokens=partial(write_tokens, tokens=tokens),
        warn=say,
    )
    start = step_of(last_saved) if last_saved else 0
    last = min(schedule.total_steps, max_steps or schedule.total_steps)
    exports = Exports(trainer, output, tokens)
    if args.should_save:
        output.mkdir(parents=True, exist_ok=True)
        if recipe_file is not None:
            copyfile(recipe_file, output / "recipe.toml")
        log = TrainingLog(output / "training_log.csv", keep_until=start)
        trainer.add_callback(TensorBoardLog(trainer, output / "tensorboard", start=start))
        trainer.add_callback(ProgressReport(trainer, report))
        trainer.add_callback(EvaluationLog(trainer, log))
        trainer.add_callback(exports)
    trainer.add_callback(ScheduleCallback(trainer, last=last))
    if last_saved:
        trainer._load_from_checkpoint(str(last_saved))
    if start < last and not stops_early(trainer, start):
        with InterruptFlag() as trainer.asked_to_stop:
            trainer.train(resume_from_checkpoint=str(last_saved) if last_saved else None)
    exports.finish()
    return network.model


def _arguments(recipe: Recipe, output: Path, precision: str) -> TrainingArguments:
    """Return what transformers has to know; the strategies are `ScheduleCallback`'s business."""
    cuda, torchrun = torch.cuda.is_available(), "LOCAL_RANK" in os.environ
    numbers = recipe.training
    args = TrainingArguments(
        output_dir=str(output),
        max_steps=1,
        max_grad_norm=numbers.max_grad_norm,
        seed=recipe.seed,
        # Only for the scaling of gradients: the casts are `autocast`'s.
        fp16=precision == "fp16",
        use_cpu=not cuda,
        ddp_backend="gloo" if torchrun and not cuda else None,
        # Layer drop leaves out what other devices may have used.
        ddp_find_unused_parameters=recipe.model.layerdrop > 0,
        average_tokens_across_devices=False,
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,
        ignore_data_skip=True,
        disable_tqdm=True,
        report_to=[],
    )
    args._n_gpu = min(1, args.n_gpu)  # several devices only by torchrun, never by threads
    return args


def _network(model: Wav2Vec2ForCTC, recipe: Recipe, device: torch.device) -> CtcNetwork:
    if recipe.model.freeze_feature_encoder:
        model.freeze_feature_encoder()  # type: ignore[no-untyped-call]
    return CtcNetwork(model, device, recompute=recipe.model.gradient_checkpointing)
