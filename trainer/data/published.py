"""Reads published datasets from Parquet files; a dataset is described by one value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.data.candidate import Candidate
from trainer.data.hub import hub_files, is_partial, local_files
from trainer.data.parquet import ParquetPool, RowAudio, rows
from trainer.data.record import LABELS, labels_of

Row = Mapping[str, Any]
"""One row without its audio: column name to value."""

SPLITS = {"valid": "validation"}
"""What most sets call the splits that recipes name otherwise."""


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """Where a set is published and what its columns mean.

    `family` is what several subsets share: one folder may hold them all. `config` and
    `revision` are the hub's; None is the default. `speaker` names a column that may be
    missing. `language` is fixed, or read off the row. `leave_out` returns why the set itself
    does not count a row, or None. `splits` maps our names of splits to the set's own.
    """

    name: str
    family: str
    repository: str
    licence: str
    text: str
    language: str | Callable[[Row], str]
    config: str | None = None
    revision: str | None = None
    speaker: str | None = None
    columns: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    leave_out: Callable[[Row], str | None] = lambda _: None
    splits: Mapping[str, str] = field(default_factory=lambda: SPLITS)

    def language_of(self, row: Row) -> str:
        """Returns the language a row is written in."""
        return self.language if isinstance(self.language, str) else self.language(row)


@dataclass(frozen=True, slots=True)
class PublishedSource:
    """A published set as it is read: from a folder, or where that is None, from the hub."""

    published: PublishedSet
    folder: Path | None

    def candidates(self, split: str) -> Iterator[Candidate]:
        """Yields every row of a split; its audio is not read.

        Raises:
            DataError: the files are not available, cannot be read, or lack a column.
        """
        spec, pool = self.published, ParquetPool()
        speakers = () if spec.speaker is None else (spec.speaker,)
        optional = (*spec.optional, *speakers, *LABELS)
        for file in self.files(split):
            for number, row in enumerate(rows(file, (spec.text, *spec.columns), optional)):
                speaker = row.get(spec.speaker) if spec.speaker else None
                yield Candidate(
                    audio=RowAudio(pool, file, number),
                    text=row[spec.text],
                    language=spec.language_of(row),
                    speaker="" if speaker is None else str(speaker),
                    dropped=spec.leave_out(row),
                    labels=labels_of(row),
                )

    def files(self, split: str) -> list[Path]:
        """Returns the files of a split, which are downloaded where there is no folder.

        Raises:
            DataError: there are none.
        """
        spec = self.published
        own = spec.splits.get(split, split)
        if self.folder is not None:
            return local_files(self.folder, spec.config, own)
        return hub_files(spec.repository, spec.revision, spec.config, own, name=spec.name)

    def note(self, split: str) -> str | None:
        """Returns a remark for the user on these files, or None."""
        if is_partial(self.files(split)):
            return "only the beginning: the hub converts 5 GB of a set and no more"
        return None
