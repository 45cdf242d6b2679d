"""A recipe and a data folder in, a run folder out: checkpoint, training_log.csv, exports.

The loop is a function of the recipe, the data and the step: the order of the batches, the
learning rate and every random mask follow from the step's number, so that a training that was
stopped and resumed ends with the same weights as one that was not.
"""

import csv
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import torch
from transformers import Wav2Vec2ForCTC

from trainer.data.store import Split, read_split
from trainer.errors import DataError, RecipeError
from trainer.export import export_model, load_stock
from trainer.model import BLANK_ID, collapse, random_model
from trainer.recipe import Recipe, TrainingRecipe
from trainer.training.batches import Batch, Schedule, collate, row_seconds
from trainer.training.extractor import use_fast_layout

LOG_COLUMNS = ("training_loss", "epoch", "step", "validation_loss", "wer")
_PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known after a step; `seconds_per_second` is audio over wall-clock."""

    step: int
    steps: int
    epoch: float
    loss: float
    learning_rate: float
    seconds_per_second: float
    validation: tuple[float, float] | None


def learning_rate(step: int, recipe: TrainingRecipe) -> float:
    """Return the rate of a step, counted from 0: warm-up, plateau, linear decay to the final.

    Until the decay begins nothing depends on the number of steps, so a training may be made
    longer or shorter while it runs (warmup-stable-decay, Hu et al. 2024, arXiv:2404.06395).
    """
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    left = min(1.0, (recipe.steps - step) / max(1, recipe.decay_steps))
    return recipe.final_learning_rate + (recipe.learning_rate - recipe.final_learning_rate) * left


def ctc_loss(model: Wav2Vec2ForCTC, batch: Batch, recipe: TrainingRecipe) -> torch.Tensor:
    """Return the CTC loss of a batch per target token, in fp32."""
    with autocast(recipe):
        logits = model(batch.waveforms, attention_mask=batch.mask).logits
    frames = frame_counts(model, batch)
    total: torch.Tensor = torch.nn.functional.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        batch.targets,
        frames,
        batch.target_lengths,
        blank=BLANK_ID,
        reduction="sum",
        zero_infinity=recipe.zero_infinity,
    )
    return total / batch.target_lengths.sum()


def frame_counts(model: Wav2Vec2ForCTC, batch: Batch) -> torch.Tensor:
    """Return how many frames of logits each utterance of a batch has, [items]."""
    counts: torch.Tensor = model._get_feat_extract_output_lengths(batch.mask.sum(-1))  # type: ignore[arg-type]
    return counts


def autocast(recipe: TrainingRecipe) -> AbstractContextManager[Any]:
    """Return the mixed-precision context of a recipe."""
    if recipe.precision not in _PRECISIONS:
        raise RecipeError(f"precision {recipe.precision!r} is none of {', '.join(_PRECISIONS)}")
    dtype = _PRECISIONS[recipe.precision]
    return torch.autocast("cpu", dtype=dtype) if dtype else nullcontext()


def fit(
    recipe: Recipe,
    data: Path,
    output: Path,
    *,
    init: Path | None = None,
    max_steps: int | None = None,
    resume: bool = False,
    report: Callable[[Progress], None] = lambda _: None,
) -> Wav2Vec2ForCTC:
    """Train and return the model; the schedule is the recipe's even when `max_steps` ends it early.

    Args:
        recipe: every number.
        data: folder with the splits `train` and `valid`.
        output: run folder; made if it is not there.
        init: checkpoint folder to start from, where the recipe does not say `random`.
        max_steps: stop after this step of the schedule.
        resume: go on from the checkpoint in `output`, where there is one.
        report: called after every step.

    Raises:
        DataError: the data are missing, or `output` holds a run and `resume` is off.
        RecipeError: the recipe starts from a model and none is given.
    """
    numbers = recipe.training
    train, valid = read_split(data, "train"), read_split(data, "valid")
    schedule = Schedule(
        [item.seconds for item in train.utterances],
        budget=numbers.batch_seconds,
        sorted_epochs=numbers.sorted_epochs,
        seed=recipe.seed,
        steps=numbers.steps,
    )
    model = use_fast_layout(initial_model(recipe, init))
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=numbers.learning_rate,
        betas=numbers.betas,
        eps=numbers.epsilon,
        weight_decay=numbers.weight_decay,
        fused=True,
    )
    output.mkdir(parents=True, exist_ok=True)
    checkpoint = output / "checkpoint.pt"
    done, losses = 0, []
    if checkpoint.is_file():
        if not resume:
            raise DataError(f"{output} already holds a training; --resume goes on with it")
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        done, losses = state["step"], state["losses"]
    log = TrainingLog(output / "training_log.csv", keep_until=done)
    last = min(numbers.steps, max_steps or numbers.steps)
    with InterruptFlag() as interrupted:
        for step in range(done, last):
            began = time.perf_counter()
            rows = row_seconds(numbers.join_seconds, seed=recipe.seed, step=step)
            batch = collate(train, schedule.batch(step), join_seconds=rows)
            loss = update(model, optimiser, batch, recipe, step)
            losses.append(loss)
            speed = batch.seconds / (time.perf_counter() - began)
            done, validation = step + 1, None
            if done % numbers.evaluate_every == 0 or done == numbers.steps:
                validation = validate(model, valid, recipe)
                log.write(sum(losses) / len(losses), schedule.epoch(done), done, *validation)
                losses = []
            report(
                Progress(
                    done,
                    numbers.steps,
                    schedule.epoch(done),
                    loss,
                    learning_rate(step, numbers),
                    speed,
                    validation,
                )
            )
            if done % numbers.checkpoint_every == 0 or done == last or interrupted():
                save_checkpoint(checkpoint, model, optimiser, done, losses)
            if done % numbers.export_every == 0 or done == last:
                export_model(model, output / "export")
            if interrupted():
                break
    return model


def initial_model(recipe: Recipe, init: Path | None) -> Wav2Vec2ForCTC:
    """Return the model a recipe starts from: random weights, or those of another checkpoint."""
    if recipe.training.init == "random":
        return random_model(recipe.model, recipe.training, seed=recipe.seed)
    if init is None:
        raise RecipeError(
            f"{recipe.id} starts from the weights of {recipe.training.init}; say where with --init"
        )
    model: Wav2Vec2ForCTC = random_model(recipe.model, recipe.training, seed=recipe.seed)
    model.load_state_dict(load_stock(init).state_dict())
    return model


def update(
    model: Wav2Vec2ForCTC,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    recipe: Recipe,
    step: int,
) -> float:
    """Take one optimiser step and return the loss; a loss that is not finite changes nothing."""
    numbers = recipe.training
    # SpecAugment draws from numpy's global generator inside transformers.
    np.random.seed((recipe.seed * 1_000_003 + step) % 2**32)
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    model.train()
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(step, numbers)
    loss = ctc_loss(model, batch, recipe.training)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), numbers.max_grad_norm)
    if torch.isfinite(norm):
        optimiser.step()
    return float(loss.detach())


@torch.inference_mode()
def validate(model: Wav2Vec2ForCTC, valid: Split, recipe: Recipe) -> tuple[float, float]:
    """Return the loss per token and the greedy WER on the first utterances of the split."""
    model.eval()  # type: ignore[no-untyped-call]
    count = min(recipe.training.evaluate_utterances, len(valid.utterances))
    order = sorted(range(count), key=lambda index: valid.utterances[index].samples)
    losses: list[float] = []
    references: list[str] = []
    texts: list[str] = []
    for start in range(0, count, 8):
        indexes = order[start : start + 8]
        batch = collate(valid, indexes)
        losses.append(float(ctc_loss(model, batch, recipe.training)))
        with autocast(recipe.training):
            paths = model(batch.waveforms, attention_mask=batch.mask).logits.argmax(-1)
        frames = frame_counts(model, batch)
        for row, index in enumerate(indexes):
            texts.append(collapse(paths[row, : frames[row]].tolist()))
            references.append(valid.utterances[index].text)
    return sum(losses) / len(losses), float(jiwer.wer(references, texts))


def save_checkpoint(
    path: Path,
    model: Wav2Vec2ForCTC,
    optimiser: torch.optim.Optimizer,
    step: int,
    losses: list[float],
) -> None:
    """Write everything a resumed training needs; a crash while writing keeps the old one."""
    fresh = path.with_suffix(".tmp")
    torch.save(
        {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": step,
            "losses": losses,
        },
        fresh,
    )
    fresh.replace(path)


class TrainingLog:
    """`training_log.csv`, with the columns of the published cards.

    Args:
        path: the file; made with its header if it is not there.
        keep_until: rows of later steps are dropped, for they will be written again.
    """

    def __init__(self, path: Path, *, keep_until: int) -> None:
        self._path = path
        rows: list[dict[str, str]] = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= keep_until]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, LOG_COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def write(
        self, loss: float, epoch: float, step: int, validation_loss: float, wer: float
    ) -> None:
        """Append one row."""
        row = (round(loss, 4), round(epoch, 2), step, round(validation_loss, 4), round(wer, 4))
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)


class InterruptFlag:
    """While entered, Ctrl-C and SIGTERM ask for a clean end after the step instead of one now."""

    def __init__(self) -> None:
        self._asked = False

    def __enter__(self) -> Callable[[], bool]:
        self._previous = {
            number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return lambda: self._asked

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self._asked = True
