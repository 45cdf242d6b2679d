"""Reads the utterances of a test set from a manifest or a data folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.audio import SAMPLE_RATE
from app.audio.manifest import ManifestAudio
from app.errors import NordlydError
from trainer.data import Audio, Record, Waveform, labels_of, read_split
from trainer.data.folder import split_sources
from trainer.data.manifest import audio_at
from trainer.data.parquet import ParquetPool
from trainer.errors import DataError
from trainer.provenance import texts_digest

MAX_SECONDS = 4 * 3600.0
"""The service's default."""

# What `prepare` writes for audio within another file.
_PLACES = frozenset({"row", "offset", "first"})
_LINE = (
    '{"audio": …, "text": …}, and for a part of a recording "start" and a later "end" in seconds'
)


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
    """Records, and what else is known of each.

    `augmentations` names what was done to the sound, if anything was; `labels` has the `dialect`
    and the `channel` where they are known. `origin` is None where the records are from nowhere
    that can be named.
    """

    __test__ = False  # pytest takes classes of such names for tests

    name: str
    records: tuple[Record, ...]
    augmentations: tuple[tuple[str, ...], ...]
    labels: tuple[Mapping[str, str], ...]
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
            labels=tuple(self.labels[index] for index in chosen),
        )


@dataclass(frozen=True, slots=True)
class FileAudio:
    """Audio of a manifest, in any format that the service takes."""

    place: ManifestAudio

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz, whole recordings in a process of its own.

        Raises:
            DataError: no audio, damaged, longer than four hours, or it ends before the part does.
        """
        try:
            return self.place.read(max_seconds=MAX_SECONDS)
        except (NordlydError, OSError) as error:
            raise DataError(f"{self.place.file}: {error}") from error


def read_manifest(manifest: Path) -> TestSet:
    """Reads JSON lines of `audio` (a path from the manifest's folder) and `text`.

    `start` and `end` in seconds, `speaker`, `language`, `dialect`, `channel` and `augmentation` (a
    list of names) may be there too. Everything is decoded once here, so that broken audio is named
    before hours of work and not after.

    Raises:
        DataError: a line is no such record, or its audio cannot be read.
    """
    if not manifest.is_file():
        raise DataError(f"there is no manifest {manifest}")
    pool = ParquetPool()
    records: list[Record] = []
    augmentations: list[tuple[str, ...]] = []
    labels: list[Mapping[str, str]] = []
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"{manifest}, line {number}"
        try:
            entry = json.loads(line)
            audio, text = _audio(entry, manifest.parent, pool), str(entry["text"])
            speaker, language = str(entry.get("speaker") or ""), str(entry.get("language") or "")
            augmentations.append(tuple(entry.get("augmentation", ())))
            labels.append(labels_of(entry))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{where} is no {_LINE}") from error
        try:
            seconds = len(audio.waveform()) / SAMPLE_RATE
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        records.append(Record(audio, text, language, "test", speaker, seconds))
    return TestSet(
        manifest.name,
        tuple(records),
        tuple(augmentations),
        tuple(labels),
        _origin("", (), records),
    )


def read_data(folder: Path, split: str) -> TestSet:
    """Opens a split of a data folder that `synthesise` or `prepare` wrote.

    Raises:
        DataError: the split is missing or broken.
    """
    records = read_split(folder, split)
    notes = _notes(folder / f"{split}.jsonl", records)
    return TestSet(
        f"{folder.resolve().name}/{split}",
        tuple(records),
        tuple(tuple(entry.get("augmentation", ())) for entry in notes),
        tuple(labels_of(entry) for entry in notes),
        _origin(split, split_sources(folder, split), records),
    )


def _origin(split: str, sources: tuple[str, ...], records: Sequence[Record]) -> Origin:
    texts = texts_digest([record.text for record in records])
    return Origin(split, sources, len(records), texts)


def _audio(entry: Mapping[str, Any], folder: Path, pool: ParquetPool) -> Audio:
    if any(entry.get(name) is not None for name in _PLACES):
        return audio_at(entry, folder, pool)
    return FileAudio(ManifestAudio.of_line(entry, folder))


def _notes(manifest: Path, records: Sequence[Record]) -> list[Mapping[str, Any]]:
    """Reads what the lines have beside the records."""
    unknown: list[Mapping[str, Any]] = [{}] * len(records)
    if not manifest.is_file():
        return unknown
    entries = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    return entries if len(entries) == len(records) else unknown
