"""Reads the utterances of a test set from a manifest or a data folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.audio import SAMPLE_RATE, AudioLimits
from app.audio.workers import shared_pool
from app.errors import NordlydError
from trainer.data import Record, Waveform, read_split
from trainer.data.folder import split_sources
from trainer.errors import DataError
from trainer.provenance import texts_digest

MAX_SECONDS = 4 * 3600.0
"""The service's default."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a test set is from.

    `split` is that of a data folder, and `sources` what it was made of; both are empty for a
    manifest. `available` utterances are in the whole set, and `texts` is the digest of theirs.
    """

    split: str
    sources: tuple[str, ...]
    available: int
    texts: str


@dataclass(frozen=True, slots=True)
class TestSet:
    """Records, and beside each the names of what was done to its sound, if anything was.

    `origin` is None where the records are from nowhere that can be named.
    """

    __test__ = False  # pytest takes classes of such names for tests

    name: str
    records: tuple[Record, ...]
    augmentations: tuple[tuple[str, ...], ...]
    origin: Origin | None = None

    def limit(self, count: int | None) -> "TestSet":
        """Returns `count` of the utterances, spread evenly over the set, or all of them."""
        total = len(self.records)
        if count is None or count >= total:
            return self
        chosen = [place * total // count for place in range(count)]
        return replace(
            self,
            name=f"{self.name}, {count:,} of {total:,}",
            records=tuple(self.records[index] for index in chosen),
            augmentations=tuple(self.augmentations[index] for index in chosen),
        )


@dataclass(frozen=True, slots=True)
class FileAudio:
    """An audio file in any format that the service takes."""

    path: Path

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz, in a process of its own.

        Raises:
            DataError: no audio, damaged, or longer than four hours.
        """
        try:
            recording = shared_pool().decode(self.path, limits=AudioLimits(MAX_SECONDS))
        except (NordlydError, OSError) as error:
            raise DataError(f"{self.path}: {error}") from error
        return recording.slice(0, recording.samples)


def read_manifest(manifest: Path) -> TestSet:
    """Reads JSON lines of `audio` (a path from the manifest's folder) and `text`.

    `speaker`, `language` and `augmentation` (a list of names) may be there too. Every file is
    decoded once here, so that a broken one is named before hours of work and not after.

    Raises:
        DataError: a line is no such record, or its audio cannot be read.
    """
    if not manifest.is_file():
        raise DataError(f"there is no manifest {manifest}")
    records: list[Record] = []
    augmentations: list[tuple[str, ...]] = []
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"{manifest}, line {number}"
        try:
            entry = json.loads(line)
            audio, text = FileAudio(manifest.parent / entry["audio"]), str(entry["text"])
            speaker, language = str(entry.get("speaker", "")), str(entry.get("language", ""))
            augmentations.append(tuple(entry.get("augmentation", ())))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f'{where} is no {{"audio": …, "text": …}}') from error
        try:
            seconds = len(audio.waveform()) / SAMPLE_RATE
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        records.append(Record(audio, text, language, "test", speaker, seconds))
    return TestSet(manifest.name, tuple(records), tuple(augmentations), _origin("", (), records))


def read_data(folder: Path, split: str) -> TestSet:
    """Opens a split of a data folder that `synthesise` or `prepare` wrote.

    Raises:
        DataError: the split is missing or broken.
    """
    records = read_split(folder, split)
    found = _augmentations(folder / f"{split}.jsonl", records)
    origin = _origin(split, split_sources(folder, split), records)
    return TestSet(f"{folder.resolve().name}/{split}", tuple(records), found, origin)


def _origin(split: str, sources: tuple[str, ...], records: Sequence[Record]) -> Origin:
    texts = texts_digest([record.text for record in records])
    return Origin(split, sources, len(records), texts)


def _augmentations(manifest: Path, records: Sequence[Record]) -> tuple[tuple[str, ...], ...]:
    """Reads what the synthesis noted; folders of recorded speech have no such notes."""
    unknown: tuple[tuple[str, ...], ...] = ((),) * len(records)
    if not manifest.is_file():
        return unknown
    entries = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    if len(entries) != len(records):
        return unknown
    return tuple(tuple(entry.get("augmentation", ())) for entry in entries)
