"""A data folder in, whichever command wrote it; the records of one split out."""

from pathlib import Path

from trainer.data.record import Record
from trainer.data.synthesised import read_synthesised


def read_split(folder: Path, split: str) -> list[Record]:
    """Open one split (train, valid or test) of a data folder without decoding anything.

    Raises:
        DataError: the split is missing, broken or empty.
    """
    return read_synthesised(folder, split)
