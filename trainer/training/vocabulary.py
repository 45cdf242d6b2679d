"""Derives the tokens of a model from its training texts; kept as `vocab.json` with the weights."""

import json
from collections.abc import Sequence
from pathlib import Path

from trainer.data import Record
from trainer.errors import RecipeError
from trainer.export.tokens import Tokens, read_tokens
from trainer.model import TOKENS, vocabulary_of
from trainer.recipe import Recipe
from trainer.training.head import kept_tokens


def tokens_for(recipe: Recipe, records: Sequence[Record], init: Path | None) -> tuple[str, ...]:
    """Returns the tokens to train.

    Those of the model that the training starts from where the recipe keeps them, with the letters
    that it lacks; those of the demo models for random weights; else the letters of the transcripts.

    Raises:
        RecipeError: the tokens are to be kept, and the model has none.
    """
    if recipe.adaptation is not None and recipe.adaptation.keep_vocabulary:
        folder = init or Path(recipe.model.init)
        found = source_tokens(folder)
        if found is None:
            raise RecipeError(
                f"{folder} has no vocab.json, and adaptation.keep_vocabulary keeps that of the "
                "folder that the training starts from"
            )
        return kept_tokens(found, {letter for record in records for letter in record.text})
    if recipe.model.init == "random":
        return TOKENS
    return vocabulary_of(record.text for record in records)


def source_tokens(folder: Path) -> Tokens | None:
    """Returns the tokens of a checkpoint folder, special ones named, or None where it has none."""
    if not (folder / "vocab.json").is_file():
        return None
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return read_tokens(folder, config)


def tokens_of(folder: Path) -> tuple[str, ...] | None:
    """Returns the tokens of a checkpoint folder, or None where it has none."""
    found = source_tokens(folder)
    return found.tokens if found else None


def write_tokens(folder: Path, tokens: Sequence[str]) -> None:
    """Writes the tokens into a checkpoint folder."""
    index = {token: place for place, token in enumerate(tokens)}
    text = json.dumps(index, ensure_ascii=False, indent=2) + "\n"
    (folder / "vocab.json").write_text(text, encoding="utf-8")
