"""Reads manifests in JSON Lines, CSV or TSV, one utterance a line.

Lines name `audio` and `text`, and may name `speaker`, `language`, `dialect`, `channel`, and `start`
and `end` in seconds, or these by other usual names (`trainer.data.tables`). What `prepare` writes
has `seconds` as well, and `row` for a row of a Parquet file, or `offset` and `length` in bytes for
a file within a file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.data.audio import ExcerptAudio, FileAudio, PcmAudio, PlacedAudio
from trainer.data.candidate import Candidate
from trainer.data.parquet import ParquetPool, RowAudio
from trainer.data.record import Record, labels_of
from trainer.data.tables import find_audio, read_table
from trainer.errors import DataError


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
    if not file.is_file():
        file = find_audio(entry["audio"], base)
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
        for entry in read_table(self.file):
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
    for number, entry in enumerate(read_table(file), 1):
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
