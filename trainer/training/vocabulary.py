"""Training texts in, the tokens a model writes out; kept beside the weights as `vocab.json`."""

import json
from collections.abc import Sequence
from pathlib import Path

from trainer.data import Record
from trainer.model import TOKENS, vocabulary_of
from trainer.recipe import Recipe


def tokens_for(recipe: Recipe, records: Sequence[Record]) -> tuple[str, ...]:
    """Return the tokens to train: those of the demo models, or the letters of the transcripts."""
    if recipe.model.init == "random":
        return TOKENS
    return vocabulary_of(record.text for record in records)


def read_tokens(folder: Path) -> tuple[str, ...] | None:
    """Return the tokens of a checkpoint folder, or None where it has none."""
    file = folder / "vocab.json"
    if not file.is_file():
        return None
    index: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    added = folder / "added_tokens.json"
    if added.is_file():
        index |= json.loads(added.read_text(encoding="utf-8"))
    return tuple(sorted(index, key=index.__getitem__))


def write_tokens(folder: Path, tokens: Sequence[str]) -> None:
    """Write the tokens into a checkpoint folder."""
    index = {token: place for place, token in enumerate(tokens)}
    text = json.dumps(index, ensure_ascii=False, indent=2) + "\n"
    (folder / "vocab.json").write_text(text, encoding="utf-8")
