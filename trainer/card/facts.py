"""Collects what a model card reports about a run or model folder and its recipe.

What is not there is left out of the card; nothing is guessed.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.acoustic.weights import read_weights
from app.catalogue import ModelCard, read_card
from app.catalogue.cards import CARD_NAME
from app.decoding import load_language_model
from trainer.card.evaluated import check_held_out
from trainer.errors import DataError
from trainer.evaluation import EVALUATION, Evaluation, evaluate, read_manifest
from trainer.evaluation.digest import model_digest
from trainer.provenance import (
    RUN_FILE,
    Provenance,
    SplitFacts,
    recipe_differences,
    recipe_values,
)
from trainer.published import LogRow
from trainer.recipe import Recipe, load_recipe
from trainer.recipe_rules import SYNTHESISED

LOG, COUNTS, RECIPE = "training_log.csv", "counts.json", "recipe.toml"
LANGUAGE_MODEL = "language_model"


@dataclass(frozen=True, slots=True)
class NGrams:
    """The language model beside the weights; `bytes` is the size of its files.

    It was `tuned` on the validation split where the report of `tune` has the weights that it has.
    """

    order: int
    words: int
    alpha: float
    beta: float
    bytes: int
    tuned: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model.

    `counts` are those of its data, `evaluation` is what `evaluate --report` wrote, `samples`
    what the model makes of the audio files beside it. `log` is empty, and the others are None,
    where there is none. `log_file`, `counts_file` and `run_file` are where they were found.
    `licence` is the one that was stated, or None; `provenance` is None for a model whose training
    left no record.
    """

    id: str
    folder: Path
    recipe: Recipe
    catalogue: ModelCard | None
    config: dict[str, Any]
    tokens: int
    parameters: int
    log: tuple[LogRow, ...]
    log_file: Path | None
    counts: dict[str, Any] | None
    counts_file: Path | None
    evaluation: dict[str, Any] | None
    language_model: NGrams | None
    samples: Evaluation | None
    licence: str | None
    provenance: Provenance | None
    run_file: Path | None

    def sources(self, split: str) -> tuple[str, ...]:
        """Returns the sources of a split: as recorded, else by the counts or by the recipe."""
        if self.provenance is not None and split != "test":
            recorded: SplitFacts = getattr(self.provenance, split)
            if recorded.sources:
                return recorded.sources
        settings = (self.counts or {}).get("settings", {})
        named = settings.get(split) or getattr(self.recipe.data, split)
        return tuple(named)

    @property
    def synthesised(self) -> bool:
        """Whether the model was trained on synthesised speech alone."""
        recorded = self.provenance.train.sources if self.provenance else ()
        if recorded:
            return all(source.startswith(SYNTHESISED) for source in recorded)
        return self.recipe.synthesis is not None


def gather(
    source: Path,
    *,
    recipe: str | None = None,
    data: Path | None = None,
    evaluation: Path | None = None,
    licence: str | None = None,
) -> Facts:
    """Collects what there is.

    Args:
        source: a run folder with its `export`, or a model folder.
        recipe: id or file; else `recipe.toml` of the run, else what `model.toml` or the
            counts name.
        data: the data folder, for its counts; else those beside the model, or `data/RECIPE`.
        evaluation: what `evaluate --report` wrote; else the one beside the model.
        licence: of the model; else the one that `model.toml` states.

    Raises:
        DataError: the source holds no model, no recipe is recorded for it, the evaluation is of
            another model or of its training data, or recipe or counts are not those of its
            training.
        RecipeError: there is no such recipe.
    """
    folder = source if (source / "config.json").is_file() else source / "export"
    if not (folder / "config.json").is_file():
        raise DataError(f"{source} is neither a model folder nor a run folder with an export")
    catalogue = read_card(folder / CARD_NAME) if (folder / CARD_NAME).is_file() else None
    # What a run has is newer than what an earlier card copied into its export.
    places = (folder.parent, folder) if folder.name == "export" else (folder, folder.parent)
    log_file = _first(*(place / LOG for place in places))
    counts_file = _first(data and data / COUNTS, *(place / COUNTS for place in places))
    counts = _read_json(counts_file)
    own = _first(*(place / RECIPE for place in places))
    name = recipe or own or (catalogue and catalogue.recipe) or (counts or {}).get("recipe")
    if name is None:
        raise DataError(f"no file beside {folder} names its recipe; name it with --recipe")
    chosen = load_recipe(name)
    run_file = _first(*(place / RUN_FILE for place in places))
    provenance = Provenance.load(run_file) if run_file else None
    if provenance is not None:
        _check_recipe(provenance, chosen, folder)
    if counts_file is None:
        counts_file = _first(Path("data") / chosen.id / COUNTS)
        counts = _read_json(counts_file)
        if not _are_of(counts, provenance):
            counts_file = counts = None
    elif not _are_of(counts, provenance):
        raise DataError(
            f"{counts_file} counts other data than {folder} was trained on; --data takes the "
            "folder of those"
        )
    if evaluation is not None and not evaluation.is_file():
        raise DataError(f"there is no evaluation {evaluation}")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    in_model_folder = source == folder and folder.name != "export"
    found = _read_json(evaluation or _first(folder / EVALUATION))
    if found is not None and found.get("model_digest") != model_digest(folder):
        raise DataError(
            f"the evaluation is of other weights or another language model than {folder} holds;"
            " run `evaluate --report` again"
        )
    if found is not None:
        check_held_out(found, chosen, provenance)
    return Facts(
        id=catalogue.id if catalogue else folder.resolve().name if in_model_folder else chosen.id,
        folder=folder,
        recipe=chosen,
        catalogue=catalogue,
        config=config,
        tokens=int(config["vocab_size"]),
        parameters=sum(weight.numel() for weight in read_weights(folder).values()),
        log=read_log(log_file) if log_file else (),
        log_file=log_file,
        counts=counts,
        counts_file=counts_file,
        evaluation=found,
        language_model=_language_model(folder / LANGUAGE_MODEL),
        samples=_samples(folder),
        licence=licence or (catalogue.licence if catalogue else None),
        provenance=provenance,
        run_file=run_file,
    )


def _check_recipe(provenance: Provenance, recipe: Recipe, folder: Path) -> None:
    differences = sorted(recipe_differences(provenance.recipe, recipe_values(recipe)))
    if differences:
        raise DataError(
            f"{folder} was not trained by the recipe {recipe.id} as it is: {'; '.join(differences)}"
        )


def _are_of(counts: dict[str, Any] | None, provenance: Provenance | None) -> bool:
    """Returns whether counts may be those of the data that a model was trained on."""
    if counts is None or provenance is None or "train" not in counts:
        return True
    return bool(counts["train"]["utterances"] == provenance.train.utterances)


def read_log(file: Path) -> tuple[LogRow, ...]:
    """Reads `training_log.csv`.

    Raises:
        DataError: it has other columns.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return tuple(
                LogRow(
                    float(row["training_loss"]),
                    float(row["epoch"]),
                    int(row["step"]),
                    float(row["validation_loss"]),
                    float(row["wer"]),
                )
                for row in csv.DictReader(lines)
            )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{file} is no training log: {error!r}") from error


def _language_model(folder: Path) -> NGrams | None:
    if not folder.is_dir():
        return None
    model = load_language_model(folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    report = _read_json(_first(folder.with_suffix(".json"))) or {}
    tuning = report.get("tuning") or {}
    tuned = (tuning.get("alpha"), tuning.get("beta")) == (model.alpha, model.beta)
    return NGrams(model.order, len(model.unigrams or ()), model.alpha, model.beta, size, tuned)


def _samples(folder: Path) -> Evaluation | None:
    manifest = folder / "samples" / "samples.jsonl"
    return evaluate(folder, read_manifest(manifest)) if manifest.is_file() else None


def _first(*places: Path | None) -> Path | None:
    return next((place for place in places if place is not None and place.is_file()), None)


def _read_json(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}") from error
    return found
