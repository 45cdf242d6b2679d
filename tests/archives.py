"""Runs of `nordlyd archive` in this process, and what they have written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from app.archive import ArchivePlan, ArchiveSummary, run_archive
from app.settings import Settings


def run(checkpoint: Path, source: Path | str, output: Path, **plan: Any) -> ArchiveSummary:
    """Runs an archive with one checkpoint in float32."""
    settings = Settings(models=[str(checkpoint)], dtype="float32", media_workers=1)
    return run_archive(settings, ArchivePlan(str(source), output, **plan))


def rows(output: Path) -> list[dict[str, Any]]:
    """The rows of all Parquet files, in their order."""
    return [
        row for file in sorted(output.glob("*.parquet")) for row in pq.read_table(file).to_pylist()
    ]


def by_path(output: Path) -> Mapping[str, dict[str, Any]]:
    """The rows by their paths."""
    return {row["path"]: row for row in rows(output)}


def visible(output: Path) -> dict[str, bytes]:
    """The contents of all files but the manifest's, by their paths."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and ".nordlyd" not in path.parts
    }
