"""Prints the result of each recording, for people or for programs, and draws the progress."""

import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from nordlyd_client.cli.backends import Input
from nordlyd_client.errors import ClientError
from nordlyd_client.formats import describe
from nordlyd_client.values import Transcription

# Recordings differ in length, so the speed of the last seconds means little.
_SPEED_SECONDS = 3600.0
_MAX_NAME = 40


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one recording.

    Attributes:
        item: the recording.
        files: its transcripts by their formats; empty where there is none.
        outputs: the files they are in; empty where they are in none.
        answer: None where it failed, or was done by an earlier run.
        error: why it failed.
    """

    item: Input
    files: Mapping[str, bytes] = field(default_factory=dict)
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
        for name, body in result.files.items():
            text = body.decode()
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
        texts = {
            name: (b64encode(body) if describe(name).binary else body).decode()
            for name, body in result.files.items()
            if name != "json"
        }
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


class Watch:
    """The bars: one for all recordings, by their bytes, and one for each in progress.

    Args:
        inputs: all recordings.
        console: where to draw.
    """

    def __init__(self, inputs: Sequence[Input], console: Console) -> None:
        self._sizes = {item.path: max(1, item.size) for item in inputs}
        self._many = len(inputs) > 1
        self._count = len(inputs)
        self._finished = 0
        self._failed = 0
        self._audio_seconds = 0.0
        self._started = time.monotonic()
        self._running: dict[int, TaskID] = {}
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            speed_estimate_period=_SPEED_SECONDS,
            # Output to a file or a pipe must not be drawn on the terminal instead.
            redirect_stdout=sys.stdout.isatty(),
        )
        total = sum(self._sizes.values()) if self._many else None
        self._all = self.bars.add_task("loading", total=total, note="", visible=True)

    def loaded(self) -> None:
        """Starts to count the time: the backend is ready."""
        self._started = time.monotonic()
        self._describe()
        if not self._many:
            self.bars.update(self._all, visible=False)

    @contextmanager
    def running(self, item: Input) -> Iterator["Bar"]:
        """Shows a recording for as long as the block lasts."""
        name = item.path.name
        short = name if len(name) <= _MAX_NAME else f"…{name[1 - _MAX_NAME :]}"
        task = self.bars.add_task(f"  {short}" if self._many else short, total=None, note="")
        bar = Bar(self, task, self._sizes[item.path] if self._many else 0)
        try:
            yield bar
            bar.finish()
        except ClientError:
            bar.finish()
            raise
        finally:
            self.bars.remove_task(task)

    def finished(self, *, failed: bool = False, seconds: float = 0.0) -> None:
        """Counts a finished recording of so many seconds."""
        self._finished += 1
        self._failed += failed
        self._audio_seconds += seconds
        self._describe()

    def skipped(self, item: Input) -> None:
        """Counts a recording that an earlier run did: the remaining time leaves it out."""
        self._finished += 1
        task = next(task for task in self.bars.tasks if task.id == self._all)
        if task.total is not None:
            self.bars.update(self._all, total=task.total - self._sizes[item.path])
        self._describe()

    def advance(self, size: int) -> None:
        """Advances the bar of all recordings by so many bytes."""
        self.bars.advance(self._all, size)

    def _describe(self) -> None:
        elapsed = max(1e-9, time.monotonic() - self._started)
        notes = []
        if self._audio_seconds:
            notes.append(f"{self._audio_seconds / elapsed:.1f} × real time")
        if self._failed:
            notes.append(f"{self._failed} failed")
        self.bars.update(
            self._all,
            description=f"{self._finished} of {self._count}",
            note=", ".join(notes),
        )


class Bar:
    """The bar of one recording; `update` is a progress callback."""

    def __init__(self, watch: Watch, task: TaskID, size: int) -> None:
        self._watch = watch
        self._task = task
        self._size = size
        self._counted = 0

    def update(self, done: int, total: int) -> None:
        """Shows how many parts of the recording are done."""
        self._watch.bars.update(self._task, completed=done, total=total)
        self._count(self._size * done // total if total else 0)

    def finish(self) -> None:
        """Counts the whole recording: it is done, or has failed."""
        self._count(self._size)

    def _count(self, size: int) -> None:
        self._watch.advance(size - self._counted)
        self._counted = size


@contextmanager
def watching(inputs: Sequence[Input]) -> Iterator[Watch]:
    """Draws for as long as the block lasts, where stderr is a terminal."""
    watch = Watch(inputs, Console(stderr=True))
    with watch.bars:
        yield watch
