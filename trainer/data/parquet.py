"""Reads rows and their audio from Parquet files with a column `audio` of {bytes, path}.

The audio of a row is read on demand, one row group at a time, from a memory-mapped
file.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.data.audio import decode, measure, read_bytes, to_rate
from trainer.data.record import Waveform
from trainer.errors import DataError

AUDIO = "audio"

_OPEN_FILES = 32
# A row group of such files is 100 rows, some megabytes.
_ROW_GROUPS = 4


class ParquetPool:
    """Reads the audio of single rows from many files, of which it keeps only some open.

    Pickles without its open files, so that records cross processes.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._file = lru_cache(_OPEN_FILES)(open_parquet)
        self._group = lru_cache(_ROW_GROUPS)(self._read_group)

    def __reduce__(self) -> tuple[type["ParquetPool"], tuple[()]]:
        return ParquetPool, ()

    def read(self, path: Path, row: int) -> bytes:
        """Returns the encoded audio of a row.

        Raises:
            DataError: no such file or row, or the row has no audio.
        """
        with self._lock:
            group, place = self._locate(path, row)
            try:
                value = self._group(path, group)[place].as_py()
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{path}, row {row} cannot be read: {error}") from error
        value = value or {}
        if value.get("bytes"):
            return bytes(value["bytes"])
        if not value.get("path"):
            raise DataError(f"{path}, row {row} has no audio")
        return read_bytes(path.parent / value["path"])

    def _locate(self, path: Path, row: int) -> tuple[int, int]:
        metadata = self._file(path).metadata
        place = row
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if 0 <= place < rows:
                return group, place
            place -= rows
        raise DataError(f"{path} has no row {row}")

    def _read_group(self, path: Path, group: int) -> pa.ChunkedArray:
        table = self._file(path).read_row_group(group, columns=[AUDIO], use_threads=False)
        return table.column(AUDIO)


@dataclass(frozen=True, slots=True)
class RowAudio:
    """The audio of one row of a Parquet file."""

    pool: ParquetPool
    file: Path
    row: int

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz.

        Raises:
            DataError: the row has no audio, or it is broken.
        """
        return to_rate(*self._decoded())

    def seconds(self) -> float:
        """Decodes and returns the length.

        Raises:
            DataError: as `waveform`.
        """
        data = self.pool.read(self.file, self.row)
        return measure(io.BytesIO(data), f"{self.file}, row {self.row}")

    def place(self) -> dict[str, Any]:
        """Returns `audio` and `row`."""
        return {"audio": str(self.file), "row": self.row}

    def encoded(self) -> bytes | None:
        """Returns the bytes as published.

        Raises:
            DataError: the row has no audio.
        """
        return self.pool.read(self.file, self.row)

    def _decoded(self) -> tuple[Waveform, int]:
        data = self.pool.read(self.file, self.row)
        return decode(io.BytesIO(data), f"{self.file}, row {self.row}")


def open_parquet(path: Path) -> pq.ParquetFile:
    """Opens a Parquet file, memory-mapped.

    Raises:
        DataError: missing, or not Parquet, such as a download that broke off.
    """
    try:
        return pq.ParquetFile(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from error


def rows(path: Path, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields the rows of a file without their audio.

    Args:
        path: the file.
        columns: columns that must be there, beside the audio.
        optional: columns that may be; where they are not, rows lack the key.

    Raises:
        DataError: the file cannot be read or lacks a column.
    """
    file = open_parquet(path)
    present = set(file.schema_arrow.names)
    if missing := [name for name in (*columns, AUDIO) if name not in present]:
        raise DataError(
            f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(sorted(present))}"
        )
    required = [*columns, *(name for name in optional if name in present)]
    try:
        for batch in file.iter_batches(columns=required, use_threads=False):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read to its end: {error}") from error
