"""Writes the rows of an archive as Parquet files: the same rows, the same bytes."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.archive.manifest import FOLDER, Row

# Whichever is reached first ends a row group or a file, after whole rows; so that neither depends
# on anything but the rows, and a group fits into memory.
_GROUP_ROWS = 1_000
_GROUP_WORDS = 100_000
_FILE_ROWS = 50_000
_FILE_WORDS = 10_000_000

_NAME = "transcripts-{:05}.parquet"

_SPAN = [("start", pa.float64()), ("end", pa.float64())]
_CONFIDENCE = ("confidence", pa.float64())
_SPEAKER = ("speaker", pa.string())
_CODED = pa.struct([("code", pa.string()), ("message", pa.string())])

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        ("sha256", pa.string()),
        ("duration", pa.float64()),
        ("language", pa.string()),
        pa.field("model", pa.string(), nullable=False),
        ("text", pa.string()),
        ("formatted_text", pa.string()),
        (
            "segments",
            pa.list_(
                pa.struct(
                    [("id", pa.int32()), *_SPAN, ("text", pa.string()), _CONFIDENCE, _SPEAKER]
                )
            ),
        ),
        ("words", pa.list_(pa.struct([("word", pa.string()), *_SPAN, _CONFIDENCE, _SPEAKER]))),
        ("speakers", pa.list_(pa.struct([_SPEAKER, ("seconds", pa.float64())]))),
        _CONFIDENCE,
        ("warnings", pa.list_(_CODED)),
        ("error", _CODED),
    ]
)
"""The columns; times in seconds, as the body of POST /transcribe rounds them."""


def write_parquet(folder: Path, rows: Iterable[Row], model: str) -> int:
    """Writes all rows, in place of those of an earlier run.

    A file appears whole or not at all.

    Args:
        folder: of the results.
        rows: in order.
        model: id of the model.

    Returns:
        How many rows have an error.

    Raises:
        OSError: a file cannot be written.
    """
    files = _Files(folder)
    failed = 0
    try:
        for row in rows:
            failed += row.result.failed
            files.add(_columns(row, model), len(row.result.body.get("words", ())))
        files.finish()
    finally:
        files.close()
    return failed


def _columns(row: Row, model: str) -> dict[str, Any]:
    result = row.result
    columns: dict[str, Any] = {
        # File names need not be text.
        "path": row.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        "sha256": row.digest or None,
        "model": model,
        "error": {"code": result.code, "message": result.message} if result.failed else None,
    }
    for name in SCHEMA.names:
        columns.setdefault(name, result.body.get(name))
    return columns


class _Files:
    """Cuts rows into row groups and files.

    Args:
        folder: of the results.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._part = folder / FOLDER / "parquet.part"
        self._writer: pq.ParquetWriter | None = None
        self._group: list[dict[str, Any]] = []
        self._group_words = self._file_rows = self._file_words = 0

    def add(self, columns: dict[str, Any], words: int) -> None:
        """Adds a row, which has so many words."""
        self._group.append(columns)
        self._group_words += words
        self._file_rows += 1
        self._file_words += words
        if len(self._group) >= _GROUP_ROWS or self._group_words >= _GROUP_WORDS:
            self._end_group()
        if self._file_rows >= _FILE_ROWS or self._file_words >= _FILE_WORDS:
            self._end_file()

    def finish(self) -> None:
        """Ends the last file, and removes those of an earlier run that had more of them."""
        if self._file_rows or not self._number:
            self._end_file()
        while (left := self._folder / _NAME.format(self._number)).exists():
            left.unlink()
            self._number += 1
        _sync(self._folder)

    def close(self) -> None:
        """Closes the file that is not finished."""
        if self._writer is not None:
            self._writer.close()
        self._part.unlink(missing_ok=True)

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._part, SCHEMA, compression="zstd")
        return self._writer

    def _end_group(self) -> None:
        if self._group:
            table = pa.Table.from_pylist(self._group, SCHEMA)
            self._open().write_table(table, row_group_size=len(self._group))
        self._group = []
        self._group_words = 0

    def _end_file(self) -> None:
        self._end_group()
        self._open().close()
        self._writer = None
        _sync(self._part)
        self._part.replace(self._folder / _NAME.format(self._number))
        self._number += 1
        self._file_rows = self._file_words = 0


def _sync(path: Path) -> None:
    """Has the disk keep a file or the names in a folder."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
