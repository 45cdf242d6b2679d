"""Fine-tunes a model on one's own speech: reads it, chooses the numbers, trains, reports."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transformers import Wav2Vec2Config

from app.splits import SPLITS
from trainer.card.facts import LOG, read_log
from trainer.data.filters import Filters
from trainer.errors import DataError, RecipeError
from trainer.finetuning.data import COUNTS, prepare_speech
from trainer.finetuning.memory import METHODS, Choice, choose, free_memory, training_device
from trainer.finetuning.recipe import (
    MAX_SECONDS,
    MIN_LETTERS,
    MIN_SECONDS,
    OPTIMISERS,
    Method,
    Speech,
    finetuning_recipe,
    model_recipe,
)
from trainer.finetuning.write import write_recipe
from trainer.model import TOKENS
from trainer.recipe import Recipe, load_recipe
from trainer.recipe_rules import LANGUAGES, check
from trainer.sharding import Sharding, shards
from trainer.training import Progress, fit
from trainer.training.devices import open_devices
from trainer.training.vocabulary import source_tokens

RECIPE, DATA, REPORT = "recipe.toml", "data", "finetuning.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What to fine-tune, on what, and how; None leaves a choice to the data and the memory.

    `model` is a checkpoint folder and `name` what it is called. `devices` share the training, and
    with `sharding` full the model, too.
    """

    model: Path
    name: str
    data: Path
    output: Path
    language: str
    method: Method | None = None
    steps: int | None = None
    workers: int = 1
    devices: int = 1
    sharding: Sharding = "none"


def plan_finetuning(request: Request, notify: Callable[[str], None]) -> dict[str, Any]:
    """Writes the data folder and the recipe into the output; nothing is trained.

    Returns:
        The report: the keys of `finetuning.json`.

    Raises:
        DataError: the output holds a training, or the data cannot be used.
        RecipeError: the model cannot be fine-tuned or divided, or its language is not trained here.
        TrainingError: the memory does not suffice.
    """
    if request.output.exists() and not request.output.is_dir():
        raise DataError(f"{request.output} is a file; --output takes a folder")
    if (request.output / RECIPE).exists():
        raise DataError(f"{request.output} already holds a training; --resume continues it")
    if request.language not in LANGUAGES:
        raise RecipeError(
            f"language {request.language!r} cannot be trained; accepted: {', '.join(LANGUAGES)}"
        )
    methods = METHODS if request.method is None else (request.method,)
    if request.sharding == "full" and request.method is None:
        methods = tuple(name for name in METHODS if name != "adafactor")
    parts = shards(OPTIMISERS[methods[0]], request.devices, request.sharding)
    config = read_configuration(request.model)
    known = source_tokens(request.model)
    prepared = prepare_speech(
        request.data,
        request.output / DATA,
        language=request.language,
        filters=Filters(
            "corrected",
            MIN_LETTERS,
            MIN_SECONDS,
            MAX_SECONDS,
            tuple(config["conv_kernel"]),
            tuple(config["conv_stride"]),
        ),
        workers=request.workers,
        notify=notify,
    )
    reference = f"manifest:{prepared.folder.resolve()}"
    train = prepared.totals["train"]
    speech = Speech(
        train=f"{reference}/train",
        valid=f"{reference}/valid",
        test=f"{reference}/{'test' if prepared.test else 'valid'}",
        utterances=train.kept,
        seconds=train.seconds,
        longest=prepared.longest,
        own_test=prepared.test,
    )
    make = partial(_recipe, request, config, speech, len(known.tokens) if known else None)
    device = training_device()
    choice = choose(make, methods, free=free_memory(device), device=device, shards=parts)
    check(choice.recipe, RECIPE)
    counts = prepared.write_counts(choice.recipe)
    write_recipe(choice.recipe, request.output / RECIPE)
    report = _report(request, choice, counts)
    _save(report, request.output)
    notify(_headline(choice))
    return report


def train_finetuning(
    output: Path,
    *,
    resume: bool,
    max_steps: int | None = None,
    sharding: Sharding = "none",
    progress: Callable[[Progress], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Trains what `plan_finetuning` wrote, and returns the report with the result.

    On several devices, each calls this, and the first one writes the report.

    Raises:
        DataError: nothing was planned there.
        TrainingError: as `fit`.
    """
    file = output / RECIPE
    if not (file.is_file() and (output / DATA / COUNTS).is_file()):
        raise DataError(f"{output} holds no fine-tuning to continue; it lacks {RECIPE} or {DATA}/")
    report: dict[str, Any] = json.loads((output / REPORT).read_text(encoding="utf-8"))

    def note(state: Progress) -> None:
        if state.validation and not state.step:
            report["start"] = _figures(0, *state.validation)
        progress(state)

    recipe = load_recipe(file)
    with open_devices() as devices:
        fit(
            recipe,
            output / DATA,
            output,
            resume=resume,
            max_steps=max_steps,
            sharding=sharding,
            measure_start=True,
            recipe_file=file,
            report=note,
            warn=notify,
        )
        report |= {"export": str(output / "export"), "validation": _exported(output, recipe)}
        if devices.first:
            _save(report, output)
            notify(_outcome(report))
    return report


def read_configuration(folder: Path) -> dict[str, Any]:
    """Returns all values of a model's configuration.

    Raises:
        RecipeError: it is no wav2vec2 model, or one that cannot be fine-tuned.
    """
    try:
        values, _ = Wav2Vec2Config.get_config_dict(str(folder))
        config: dict[str, Any] = Wav2Vec2Config.from_pretrained(str(folder)).to_dict()
    except (OSError, ValueError) as error:
        raise RecipeError(f"{folder} holds no model: {str(error).splitlines()[0]}") from error
    family = values.get("model_type", "wav2vec2")
    if family != "wav2vec2":
        raise RecipeError(f"{folder} holds a model of the family {family}, not wav2vec2")
    if config.get("adapter_attn_dim") or config.get("add_adapter"):
        raise RecipeError(f"{folder} has adapters, and models with adapters cannot be fine-tuned")
    return config


def _recipe(  # noqa: PLR0917 - partly applied
    request: Request,
    config: dict[str, Any],
    speech: Speech,
    outputs: int | None,
    method: Method,
    checkpointing: bool,
    parts: int,
) -> Recipe:
    model = model_recipe(
        config,
        str(request.model.resolve()),
        vocabulary=outputs or len(TOKENS),
        checkpointing=checkpointing,
    )
    return finetuning_recipe(
        request.output.resolve().name,
        request.language,
        speech,
        model,
        method=method,
        new_head=outputs is None,
        parts=parts,
        steps=request.steps,
    )


def _report(request: Request, choice: Choice, counts: dict[str, Any]) -> dict[str, Any]:
    recipe = choice.recipe
    splits = {
        split: {name: counts[split][name] for name in ("utterances", "hours", "speakers")}
        for split in SPLITS
    }
    return {
        "model": request.name,
        "language": request.language,
        "data": splits | {"split_by": counts["split_by"], "dropped": counts["dropped"]},
        "recipe": str(request.output / RECIPE),
        "method": choice.method,
        "gradient_checkpointing": recipe.model.gradient_checkpointing,
        "learning_rate": recipe.training.learning_rate,
        "device": choice.device,
        "devices": request.devices,
        "sharding": request.sharding,
        "memory": asdict(choice.memory) | {"total": choice.memory.total, "free": choice.free},
        "run": str(request.output),
        "export": None,
        "start": None,
        "validation": None,
    }


def _exported(output: Path, recipe: Recipe) -> dict[str, Any] | None:
    """Returns loss and WER of the state that was exported; None where none was measured."""
    log = read_log(output / LOG)
    if not log:
        return None
    row = log[-1]
    if recipe.training.select == "validation":
        row = min(log, key=lambda one: one.wer)
    return _figures(row.step, row.validation_loss, row.wer)


def _figures(step: int, loss: float, wer: float) -> dict[str, Any]:
    return {"step": step, "loss": loss, "wer": wer}


def _outcome(report: dict[str, Any]) -> str:
    before, after = report["start"], report["validation"]
    line = f"exported to {report['export']}"
    if before is None or after is None:
        return line
    line += f"; WER on valid {100 * after['wer']:.1f} %, {100 * before['wer']:.1f} % before"
    worse = after["wer"] >= before["wer"]
    return f"{line}: no better than the model it started from" if worse else line


def _headline(choice: Choice) -> str:
    kept = ", gradient checkpointing" if choice.recipe.model.gradient_checkpointing else ""
    training = choice.recipe.training
    return (
        f"method {choice.method}{kept}, {training.batch_seconds:g} s x {training.accumulation} an "
        f"update, rate {training.learning_rate:g}: {choice.memory.total / 2**30:.2f} GiB of "
        f"{choice.free / 2**30:.2f} GiB free on {choice.device}"
    )


def _save(report: dict[str, Any], output: Path) -> None:
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    (output / REPORT).write_text(text, encoding="utf-8")
