"""Lists the rows of a data folder that were dropped, and those whose text was written out."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from trainer.data.candidate import Candidate

DROPPED, WRITTEN_OUT = "dropped.jsonl", "written_out.jsonl"


class RowLists:
    """Writes `dropped.jsonl` and `written_out.jsonl`; they stay where `prepare` fails, too.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self.dropped_file = folder / DROPPED
        self._dropped = self.dropped_file.open("w", encoding="utf-8")
        self._written_out = (folder / WRITTEN_OUT).open("w", encoding="utf-8")

    def __enter__(self) -> "RowLists":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._dropped.close()
        self._written_out.close()

    def drop(
        self, source: str, number: int, candidate: Candidate, reason: str, detail: str
    ) -> None:
        """Lists a row that was dropped; `number` is its place in the source, from 1."""
        facts = {"reason": reason, "detail": detail, "text": candidate.text}
        _write(self._dropped, source, number, candidate, facts)

    def write_out(
        self,
        source: str,
        number: int,
        candidate: Candidate,
        text: str,
        rules: Mapping[str, int],
    ) -> None:
        """Lists a row that was kept with parts of its text written out."""
        facts = {"rules": dict(rules), "before": candidate.text, "after": text}
        _write(self._written_out, source, number, candidate, facts)


def _write(
    file: TextIO, source: str, number: int, candidate: Candidate, facts: dict[str, Any]
) -> None:
    place = candidate.audio.place() if candidate.audio else None
    line = {"source": source, "number": number, **facts, "place": place}
    kept = {name: value for name, value in line.items() if value not in (None, "")}
    file.write(json.dumps(kept, ensure_ascii=False) + "\n")
