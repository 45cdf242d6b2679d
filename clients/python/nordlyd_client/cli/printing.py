"""Prints the result of each recording, for people or for programs."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nordlyd_client.cli.backends import Input
from nordlyd_client.errors import ClientError
from nordlyd_client.values import Transcription


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one recording.

    Attributes:
        item: the recording.
        texts: its transcripts by their formats; empty where there is none.
        outputs: the files they are in; empty where they are in none.
        answer: None where it failed, or was done by an earlier run.
        error: why it failed.
    """

    item: Input
    texts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    answer: Transcription | None = None
    error: ClientError | None = None


class Printer(Protocol):
    """Prints results; called once for each recording."""

    def show(self, result: Result) -> None:
        """Prints one result."""

    def end(self) -> None:
        """Prints what is left: no more results follow."""


class Failures:
    """Prints failures and warnings on stderr; the texts are in files."""

    def show(self, result: Result) -> None:
        """Prints the error or the warnings of a recording."""
        shown = result.item.shown
        for warning in result.answer.warnings if result.answer else ():
            print(f"nordlyd: {shown}: warning: {warning.message}", file=sys.stderr, flush=True)
        if result.error is not None:
            print(
                f"nordlyd: {result.item.shown}: {result.error.message}", file=sys.stderr, flush=True
            )

    def end(self) -> None:
        """Does nothing: no result waits."""


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

    def show(self, result: Result) -> None:
        """Prints this result once all before it are printed, and then those that waited for it."""
        self._waiting[result.item.number] = result
        while (ready := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            self._print(ready)

    def end(self) -> None:
        """Prints the results that waited for one that did not come."""
        for number in sorted(self._waiting):
            self._print(self._waiting.pop(number))

    def _print(self, result: Result) -> None:
        self._failures.show(result)
        for name, text in result.texts.items():
            before = f"{result.item.shown}: " if self._named and name == "text" else ""
            end = "" if text.endswith("\n") else "\n"
            print(f"{before}{text}", end=end, flush=True)


class Records:
    """Prints one JSON object a recording, as each is ready, for programs."""

    def __init__(self) -> None:
        self._failures = Failures()

    def show(self, result: Result) -> None:
        """Prints the object; failures go to stderr too."""
        self._failures.show(result)
        record: dict[str, Any] = {"file": result.item.shown, "status": _status(result)}
        if result.outputs:
            record["outputs"] = {name: str(path) for name, path in result.outputs.items()}
        if result.answer is not None:
            record["result"] = json.loads(result.answer.body)
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
        """Does nothing: no result waits."""


def _status(result: Result) -> str:
    if result.error is not None:
        return "failed"
    return "skipped" if result.answer is None else "done"
