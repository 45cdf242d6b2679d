"""Derives the tokens of a model from its training texts; kept as `vocab.json` with the weights."""

import json
from collections.abc import Sequence
from pathlib import Path

from trainer.data import Record
from trainer.export.tokens import read_tokens
from trainer.model import TOKENS, vocabulary_of
from trainer.recipe import Recipe


def tokens_for(recipe: Recipe, records: Sequence[Record]) -> tuple[str, ...]:
    """Returns the tokens to train: those of the demo models, or the letters of the transcripts."""
    if recipe.model.init == "random":
        return TOKENS
    return vocabulary_of(record.text for record in records)


def tokens_of(folder: Path) -> tuple[str, ...] | None:
    """Returns the tokens of a checkpoint folder, or None where it has none."""
    if not (folder / "vocab.json").is_file():
        return None
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return read_tokens(folder, config).tokens


def write_tokens(folder: Path, tokens: Sequence[str]) -> None:
    """Writes the tokens into a checkpoint folder."""
    index = {token: place for place, token in enumerate(tokens)}
    text = json.dumps(index, ensure_ascii=False, indent=2) + "\n"
    (folder / "vocab.json").write_text(text, encoding="utf-8")
