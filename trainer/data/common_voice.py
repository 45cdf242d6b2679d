"""Common Voice, sentences read by volunteers: as Parquet files, or as its own release unpacks.

The sets left the hub for Mozilla's own site, whose archives hold `{split}.tsv` and `clips/`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.data.audio import FileAudio
from trainer.data.candidate import Candidate
from trainer.data.hub import CONVERTED
from trainer.data.published import PublishedSet, PublishedSource
from trainer.errors import DataError

COMMON_VOICE_DA = PublishedSet(
    name="common-voice-da",
    family="common-voice",
    repository="mozilla-foundation/common_voice_17_0",
    licence="CC0-1.0",
    config="da",
    revision=CONVERTED,
    text="sentence",
    language="da",
    speaker="client_id",
)
COMMON_VOICE_NN = replace(COMMON_VOICE_DA, name="common-voice-nn", config="nn-NO", language="nn")

_TABLES = {"valid": "dev", "validation": "dev"}
_COLUMNS = ("client_id", "path", "sentence")


@dataclass(frozen=True, slots=True)
class CommonVoiceSource:
    """Common Voice from a folder of either kind, or from the hub where that is None."""

    published: PublishedSet
    folder: Path | None

    def candidates(self, split: str) -> Iterator[Candidate]:
        """Yields every row of a split; its audio is not read.

        Raises:
            DataError: the files are not available, cannot be read, or lack a column.
        """
        table = self._table(split)
        if table is None:
            yield from PublishedSource(self.published, self.folder).candidates(split)
            return
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
                raise DataError(f"{table} lacks the columns {', '.join(missing)}")
            for row in reader:
                yield Candidate(
                    audio=FileAudio(table.parent / "clips" / (row["path"] or "")),
                    text=row["sentence"],
                    language=self.published.language_of(row),
                    speaker=row["client_id"] or "",
                )

    def note(self, split: str) -> str | None:
        """Returns a remark for the user on these files, or None."""
        if self._table(split) is not None:
            return None
        return PublishedSource(self.published, self.folder).note(split)

    def _table(self, split: str) -> Path | None:
        if self.folder is None:
            return None
        name = f"{_TABLES.get(split, split)}.tsv"
        places = (self.folder / name, self.folder / (self.published.config or "") / name)
        return next((place for place in places if place.is_file()), None)
