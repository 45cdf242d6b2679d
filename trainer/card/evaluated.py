"""Names what an evaluation was of, and refuses one of the data that the model was trained on."""

import re
from dataclasses import dataclass
from typing import Any

from app.splits import SPLITS
from trainer.errors import DataError
from trainer.provenance import Provenance
from trainer.recipe import Recipe
from trainer.recipe_rules import SYNTHESISED, shared_sources

_TITLES = {"valid": "Validation"}
_LIMITED = re.compile(r"(.+), [\d,]+ of ([\d,]+)")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was evaluated.

    `data` is the name of the manifest or of the folder and split, `split` is empty for a
    manifest. Of `available` utterances `count` were taken.
    """

    data: str
    split: str
    sources: tuple[str, ...]
    count: int
    available: int

    @property
    def title(self) -> str:
        """What its figures are called in front of the name of a rate."""
        return _TITLES.get(self.split, "Test")

    @property
    def synthesised(self) -> bool:
        """Whether the set is known to be synthesised speech."""
        return bool(self.sources) and all(name.startswith(SYNTHESISED) for name in self.sources)

    @property
    def name(self) -> str:
        """What a person calls the set."""
        if self.synthesised:
            return "held-out synthesised sentences, held-out voices"
        return " and ".join(self.sources) or self.data

    @property
    def full_name(self) -> str:
        """The name with the part of the set that was taken, where that is not all of it."""
        part = f", {self.count:,} of {self.available:,} utterances"
        return self.name + (part if self.count < self.available else "")

    @property
    def where(self) -> str:
        """The folder and split or the manifest, with how many utterances of it were taken."""
        if self.split:
            folder = self.data.rpartition("/")[0]
            place = f"the split `{self.split}` of the data folder `{folder}`"
        else:
            place = f"the manifest `{self.data}`"
        if self.count < self.available:
            return f"{place}, {self.count:,} of its {self.available:,} utterances"
        return place


def evaluated(evaluation: dict[str, Any], recipe: Recipe) -> Evaluated:
    """Reads what an evaluation was of; one that was made before it said so is read by its name."""
    data = str(evaluation["data"])
    count = int(evaluation["utterances"])
    if limited := _LIMITED.fullmatch(data):
        data = limited[1]
    if "split" in evaluation:
        split = evaluation["split"] or ""
        sources = tuple(evaluation["sources"] or ())
    else:
        split = data.rpartition("/")[2]
        split = split if split in SPLITS else ""
        named = (SYNTHESISED,) if recipe.synthesis is not None else getattr(recipe.data, split, ())
        sources = tuple(named) if split else ()
    available = evaluation.get("available") or (limited and limited[2].replace(",", "")) or count
    return Evaluated(data, split, sources, count, int(available))


def check_held_out(
    evaluation: dict[str, Any], recipe: Recipe, provenance: Provenance | None
) -> None:
    """Refuses an evaluation of what the model was trained on.

    Raises:
        DataError: it is of a training split, of a source that the recipe trains on, or of the
            texts of the training split under another name.
    """
    found = evaluated(evaluation, recipe)
    same = provenance is not None and evaluation.get("texts_digest") == provenance.train.texts
    trained = shared_sources(recipe.data.train, found.sources)
    if found.split == "train" or same or trained:
        raise DataError(
            f"the evaluation is of {found.data}, which the model was trained on; a card takes one "
            "of speech that was held out: `evaluate --split test --report`"
        )
