"""Records what a training was begun with: its numbers, weights, data and versions.

`run.json` in the run folder. A training is resumed with nothing else, and a model card takes from
it what no other file has.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.catalogue import read_card
from app.catalogue.cards import CARD_NAME
from app.text import normalise
from trainer.data import Record
from trainer.errors import DataError, TrainingError
from trainer.recipe import Recipe

RUN_FILE = "run.json"

FRAMEWORKS = {
    "Transformers": "transformers",
    "Pytorch": "torch",
    "Datasets": "datasets",
    "Tokenizers": "tokenizers",
    "Nordlyd": "nordlyd",
}
"""The distributions whose versions are recorded, by the names that model cards have for them."""

_COMPARED = ("seed", "model", "training", "adaptation", "augmentation")
# These change what is kept, watched or saved, or where the memory goes, and not the weights.
_FREE = frozenset(
    {
        "model.fallbacks",
        "model.vocabulary_size",
        "model.gradient_checkpointing",
        "training.precision",  # recorded as it was resolved
        "training.log_every",
        "training.evaluate_every",
        "training.keep_checkpoints",
        "training.average_checkpoints",
        "training.select",
        "training.early_stop_evaluations",
    }
)
_LENGTH = frozenset({"training.epochs", "training.steps", "training.decay_steps"})
_MANY_PARTS = ("export", "checkpoint-")


@dataclass(frozen=True, slots=True)
class Start:
    """The weights that a training starts from; `hub` is their id on the hub, if they have one."""

    name: str
    hub: str | None = None


RANDOM_WEIGHTS = Start("random weights")


@dataclass(frozen=True, slots=True)
class TeacherFacts:
    """The model that a student learns from, and the weight of the CTC loss beside it.

    `digest` is of the files of the teacher's encoder.
    """

    name: str
    hub: str | None
    digest: str
    ctc_weight: float


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """The utterances of a split: `digest` is of their texts and lengths, `texts` of the texts.

    `sources` are what the split was made of, as far as its folder records it.
    """

    sources: tuple[str, ...]
    utterances: int
    hours: float
    digest: str
    texts: str

    @classmethod
    def of(cls, records: Sequence[Record], sources: Sequence[str]) -> "SplitFacts":
        """Computes both digests; no audio is read."""
        whole = hashlib.sha256()
        for record in records:
            whole.update(f"{record.seconds:.4f} {record.text}\n".encode())
        hours = sum(record.seconds for record in records) / 3600
        return cls(
            tuple(sources),
            len(records),
            round(hours, 3),
            whole.hexdigest(),
            texts_digest([record.text for record in records]),
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a training was begun with.

    `recipe` is the recipe as plain values, `steps` its updates in all. `precision` is fp16, bf16
    or fp32; `teacher` is there for a distillation alone. `versions` has the versions of each
    framework in the order in which they were used: a training that was resumed may have more
    than one. `scale_batch` is whether updates are larger on several devices.
    """

    recipe: dict[str, Any]
    steps: int
    start: Start | None
    train: SplitFacts
    valid: SplitFacts
    precision: str
    devices: int
    versions: Mapping[str, tuple[str, ...]]
    scale_batch: bool = False
    teacher: TeacherFacts | None = None

    def save(self, run: Path) -> None:
        """Writes `run.json`."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        fresh = run / f"{RUN_FILE}.tmp"
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(run / RUN_FILE)

    @classmethod
    def load(cls, file: Path) -> "Provenance":
        """Reads `run.json`.

        Raises:
            DataError: it is not as `save` writes it.
        """
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                recipe=found["recipe"],
                steps=found["steps"],
                start=Start(**found["start"]) if found["start"] else None,
                train=_split(found["train"]),
                valid=_split(found["valid"]),
                precision=found["precision"],
                devices=found["devices"],
                versions={name: tuple(used) for name, used in found["versions"].items()},
                scale_batch=found.get("scale_batch", False),
                teacher=TeacherFacts(**teacher) if (teacher := found.get("teacher")) else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{file} is not as `train` writes it: {error!r}") from error

    def resumed_by(self, now: "Provenance") -> "Provenance":
        """Returns the record of this training, continued by another: the versions of both."""
        versions = dict(self.versions)
        for name, (used, *_) in now.versions.items():
            if used not in versions.get(name, ()):
                versions[name] = (*versions.get(name, ()), used)
        return replace(now, start=self.start, versions=versions)


def _split(found: dict[str, Any]) -> SplitFacts:
    return SplitFacts(**found | {"sources": tuple(found["sources"])})


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as the plain values that JSON has."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return values


def installed_versions() -> dict[str, tuple[str, ...]]:
    """Returns the version of each framework that is installed."""
    found: dict[str, tuple[str, ...]] = {}
    for title, package in FRAMEWORKS.items():
        try:
            found[title] = (version(package),)
        except PackageNotFoundError:
            continue
    return found


def texts_digest(texts: Sequence[str]) -> str:
    """Returns a digest of texts in their order, normalised: of a split as it was trained on."""
    joined = "\n".join(normalise(text) for text in texts)
    return hashlib.sha256(joined.encode()).hexdigest()


def start_of(source: str) -> Start:
    """Names the weights of a checkpoint folder, or of a hub id.

    A folder is named by its `model.toml`, else by itself: `export` and `checkpoint-…` of a run
    together with the run.
    """
    folder = Path(source)
    if not folder.is_dir():
        return Start(source, source)
    if (folder / CARD_NAME).is_file():
        card = read_card(folder / CARD_NAME)
        return Start(card.id, card.hub)
    whole = folder.resolve()
    if whole.name.startswith(_MANY_PARTS):
        return Start(f"{whole.parent.name}/{whole.name}")
    return Start(whole.name)


def check_unchanged(run: Path, begun: Provenance, now: Provenance, *, step: int) -> None:
    """Refuses to resume a training whose weights would be those of neither the one nor the other.

    Args:
        run: the run folder, for the message.
        begun: what the training was begun with.
        now: what it is to be resumed with.
        step: the update that it has reached.

    Raises:
        TrainingError: numbers or data differ; the message names them with both values.
    """
    found = [*_numbers(begun, now, step), *_data(begun, now), *_teacher(begun, now)]
    if found:
        raise TrainingError(
            f"{run} was begun otherwise and cannot be resumed: {'; '.join(found)}. Resume it with "
            "what it was begun with, or start a run in another folder, from its weights by --init"
        )


def changed_numerics(begun: Provenance, now: Provenance) -> Iterator[str]:
    """Yields a line for each change that a training may be resumed with, but not exactly."""
    for name in ("precision", "devices", "scale_batch"):
        before, after = getattr(begun, name), getattr(now, name)
        if before != after:
            yield (
                f"{name}: {after}, and {before} so far; the weights will not be those of a "
                "training that was not interrupted"
            )


def recipe_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yields `table.key was …, and is …` for each number of a training that two recipes differ in.

    A key that only one of them has is newer than the other, and is passed over.
    """
    for table in _COMPARED:
        yield from _differences(table, before.get(table), after.get(table))


def _differences(table: str, one: Any, other: Any) -> Iterator[str]:  # noqa: ANN401 - table or value
    if not (isinstance(one, dict) and isinstance(other, dict)):
        if one != other:
            yield f"{table} was {one}, and is {other}"
        return
    for key in one.keys() & other.keys():
        if one[key] != other[key]:
            yield f"{table}.{key} was {one[key]}, and is {other[key]}"


def _numbers(begun: Provenance, now: Provenance, step: int) -> Iterator[str]:
    free = _FREE | (_LENGTH if _may_change_length(begun, now, step) else frozenset())
    for line in sorted(recipe_differences(begun.recipe, now.recipe)):
        if line.partition(" ")[0] not in free:
            yield line


def _may_change_length(begun: Provenance, now: Provenance, step: int) -> bool:
    """Returns whether the rates so far are the same: on a plateau, until the last `decay_steps`."""
    return all(
        one.recipe["training"]["schedule"] == "plateau"
        and step <= one.steps - one.recipe["training"]["decay_steps"]
        for one in (begun, now)
    )


def _data(begun: Provenance, now: Provenance) -> Iterator[str]:
    for split in ("train", "valid"):
        before, after = getattr(begun, split), getattr(now, split)
        if before.utterances != after.utterances:
            yield (
                f"the split {split} had {before.utterances:,} utterances, and has "
                f"{after.utterances:,}"
            )
        elif before.digest != after.digest:
            yield f"the texts or lengths of the split {split} are not those it was begun with"


def _teacher(begun: Provenance, now: Provenance) -> Iterator[str]:
    before, after = begun.teacher, now.teacher
    if (before and before.digest) != (after and after.digest):
        names = [one.name if one else "no model" for one in (before, after)]
        same = " with other weights" if names[0] == names[1] else ""
        yield f"the teacher was {names[0]}, and is {names[1]}{same}"
    elif before and after:
        # A run begun before the table was recorded has none.
        tables = [one.recipe.get("distillation") or {} for one in (begun, now)]
        yield from sorted(_differences("distillation", *tables))
