"""Reads manifests in JSON Lines, CSV or TSV, one utterance a line.

Lines name `audio` and `text`, and may name `speaker`, `language`, `dialect`, `channel`, and `start`
and `end` in seconds. What `prepare` writes has `seconds` as well, and `row` for a row of a Parquet
file, or `offset` and `length` in bytes for a file within a file.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.data.audio import ExcerptAudio, FileAudio, PcmAudio, PlacedAudio
from trainer.data.candidate import Candidate
from trainer.data.parquet import ParquetPool, RowAudio
from trainer.data.record import Record, labels_of
from trainer.errors import DataError

SUFFIXES = (".jsonl", ".csv", ".tsv")


def audio_at(entry: Mapping[str, Any], base: Path, pool: ParquetPool) -> PlacedAudio:
    """Returns the audio a line names.

    Args:
        entry: the line.
        base: what relative paths start from.
        pool: reads rows of Parquet files.

    Raises:
        KeyError, ValueError, TypeError: the line has no place of its audio.
    """
    file = base / entry["audio"]
    if entry.get("row") is not None:
        return RowAudio(pool, file, int(entry["row"]))
    if entry.get("offset") is not None:
        return ExcerptAudio(file, int(entry["offset"]), int(entry["length"]))
    if entry.get("samples") is not None:
        return PcmAudio(file, int(entry["first"]), int(entry["samples"]))
    end = entry.get("end")
    return FileAudio(
        file,
        float(entry.get("start") or 0.0),
        None if end is None or end == "" else float(end),
    )


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """A manifest written by hand; paths in it are relative to it."""

    file: Path

    def candidates(self, split: str) -> Iterator[Candidate]:  # noqa: ARG002 - a file is one split
        """Yields every line; one that cannot be read is yielded as dropped.

        Raises:
            DataError: no such file, or of another kind.
        """
        pool = ParquetPool()
        for entry in _entries(self.file):
            try:
                audio = audio_at(entry, self.file.parent, pool)
                text = entry["text"]
            except (KeyError, ValueError, TypeError):
                yield Candidate(None, None, "", "", dropped="broken line")
                continue
            yield Candidate(
                audio=audio,
                text=None if text is None else str(text),
                language=str(entry.get("language") or ""),
                speaker=str(entry.get("speaker") or ""),
                labels=labels_of(entry),
            )

    def note(self, split: str) -> str | None:  # noqa: ARG002 - a file is one split
        """Returns None: a file has no description."""
        return None


def read_prepared(file: Path, split: str) -> list[Record]:
    """Reads a manifest that `prepare` wrote.

    Raises:
        DataError: missing, empty, or a line lacks what `prepare` writes.
    """
    pool = ParquetPool()
    records = []
    for number, entry in enumerate(_entries(file), 1):
        try:
            records.append(
                Record(
                    audio=audio_at(entry, file.parent, pool),
                    text=entry["text"],
                    language=entry["language"],
                    split=split,
                    speaker=entry["speaker"],
                    seconds=float(entry["seconds"]),
                )
            )
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{file}, line {number} is not as `prepare` writes it") from error
    if not records:
        raise DataError(f"{file} is empty")
    return records


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    # A line that is no JSON object comes out empty, and so lacks everything.
    if file.suffix not in SUFFIXES:
        raise DataError(f"{file} is no manifest; accepted are {', '.join(SUFFIXES)}")
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            if file.suffix != ".jsonl":
                delimiter = "\t" if file.suffix == ".tsv" else ","
                yield from csv.DictReader(lines, delimiter=delimiter)
                return
            for line in lines:
                if line.strip():
                    yield _json_object(line)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error


def _json_object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
