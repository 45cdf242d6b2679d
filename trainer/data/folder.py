"""Opens one split of a data folder, from `prepare` or from `synthesise`."""

import json
from pathlib import Path

from trainer.data.manifest import read_prepared
from trainer.data.record import Record
from trainer.data.synthesised import read_synthesised
from trainer.errors import DataError
from trainer.recipe_rules import SYNTHESISED

EVALUATION = ("valid", "test")


def read_split(folder: Path, split: str) -> list[Record]:
    """Opens one split (train, valid or test) of a data folder without decoding anything.

    Raises:
        DataError: the split is missing, broken or empty.
    """
    if (folder / f"{split}.pcm").is_file():
        return read_synthesised(folder, split)
    manifest = folder / f"{split}.jsonl"
    if not manifest.is_file():
        raise DataError(
            f"{manifest} is missing; make it with `python -m trainer prepare` or `synthesise`"
        )
    return read_prepared(manifest, split)


def split_sources(folder: Path, split: str) -> tuple[str, ...]:
    """Returns the sources that `prepare` made a split of, `synthesised` for spoken sentences.

    Empty where the folder has no counts that name them.
    """
    if (folder / f"{split}.pcm").is_file():
        return (SYNTHESISED,)
    try:
        counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        return tuple(map(str, counts["settings"][split]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def evaluation_sentences(folder: Path) -> frozenset[str]:
    """Returns the texts of the valid and test splits: what a language model must not have seen.

    Raises:
        DataError: a split is missing, broken or empty.
    """
    return frozenset(record.text for split in EVALUATION for record in read_split(folder, split))
