"""Progress bars of many recordings, on a terminal; elsewhere nothing is drawn."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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

# Recordings differ in length, so the speed of the last seconds means little.
_SPEED_SECONDS = 3600.0
_LONGEST_NAME = 40


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
        short = name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
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
