"""What became of each recording in, lines for people or programs out."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.cli.inputs import Input
from app.cli.transcribing import Transcribed
from app.errors import NordlydError


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one recording.

    Attributes:
        item: the recording.
        texts: its transcripts by their formats; empty where there is none.
        outputs: the files they are in; empty where they are in none.
        done: what was heard; None where it failed, or was done by an earlier run.
        error: why it failed.
    """

    item: Input
    texts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    done: Transcribed | None = None
    error: NordlydError | None = None


class Printer(Protocol):
    """Tells of results; called once for each recording."""

    def tell(self, result: Result) -> None:
        """Print what there is to print."""

    def end(self) -> None:
        """No more results come, since all are told or since the run was ended."""


class Failures:
    """Prints failures and warnings on stderr and nothing else: the rest is in files."""

    def tell(self, result: Result) -> None:
        """Print why a recording failed, or what there is to know about it."""
        shown = result.item.shown
        for notice in result.done.transcript.warnings if result.done else ():
            print(f"nordlyd: {shown}: warning: {notice.message}", file=sys.stderr, flush=True)
        if result.error is not None:
            print(
                f"nordlyd: {result.item.shown}: {result.error.message}", file=sys.stderr, flush=True
            )

    def end(self) -> None:
        """Nothing waits."""


class Texts:
    """Prints texts on stdout in the order of the recordings, whichever is ready first.

    Args:
        named: put the recording's name before its text, since there are several.
    """

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._next = 0
        self._waiting: dict[int, Result] = {}
        self._failures = Failures()

    def tell(self, result: Result) -> None:
        """Print this result once all before it are printed, and those that waited for it."""
        self._waiting[result.item.number] = result
        while (ready := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            self._print(ready)

    def end(self) -> None:
        """Print what waits for a result that will not come any more."""
        for number in sorted(self._waiting):
            self._print(self._waiting.pop(number))

    def _print(self, result: Result) -> None:
        self._failures.tell(result)
        for name, text in result.texts.items():
            before = f"{result.item.shown}: " if self._named and name == "text" else ""
            end = "" if text.endswith("\n") else "\n"
            print(f"{before}{text}", end=end, flush=True)


class Records:
    """Prints one JSON object a recording, as each is ready, for programs."""

    def __init__(self) -> None:
        self._failures = Failures()

    def tell(self, result: Result) -> None:
        """Print the object; failures are told on stderr too."""
        self._failures.tell(result)
        record: dict[str, Any] = {"file": result.item.shown, "status": _status(result)}
        if result.outputs:
            record["outputs"] = {name: str(path) for name, path in result.outputs.items()}
        if result.done is not None:
            record["result"] = json.loads(result.done.body)
        texts = {name: text for name, text in result.texts.items() if name != "json"}
        if texts and not result.outputs:
            record["texts"] = texts
        if result.error is not None:
            error = result.error
            record["error"] = {
                "message": error.message,
                "type": error.type,
                "param": error.param,
                "code": error.code,
            }
        print(json.dumps(record, ensure_ascii=False), flush=True)

    def end(self) -> None:
        """Nothing waits."""


def _status(result: Result) -> str:
    if result.error is not None:
        return "failed"
    return "skipped" if result.done is None else "done"
