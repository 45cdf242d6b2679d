"""What `train` and `distill` share: the bar and the lines of a running training."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from trainer.cli.command import console
from trainer.recipe import RECIPES

if TYPE_CHECKING:
    from trainer.training import Progress

_LINE_EVERY = 50  # updates, where the output is no terminal


def recipe_file(reference: str) -> Path:
    """Returns the file of a recipe, which is copied into its run."""
    return Path(reference) if Path(reference).is_file() else RECIPES / f"{reference}.toml"


@contextmanager
def training_reports(max_steps: int | None) -> Iterator[Callable[["Progress"], None]]:
    """Shows a bar on a terminal and lines elsewhere; yields what takes the figures.

    Args:
        max_steps: where the training is stopped before the end of its schedule.
    """
    with _bar() as bar:
        task = bar.add_task("training", total=None, figures="")

        def report(progress: "Progress") -> None:
            figures = (
                f"epoch {progress.epoch:.2f}, loss {progress.loss:.3f}, "
                f"rate {progress.learning_rate:.1e}, {progress.seconds_per_second:.0f} audio s/s"
            )
            last = min(progress.steps, max_steps or progress.steps)
            bar.update(task, completed=progress.step, total=last, figures=figures)
            line = f"step {progress.step}/{progress.steps}, {figures}"
            if progress.validation:
                loss, wer = progress.validation
                console.print(f"{line}; validation loss {loss:.3f}, WER {wer:.3f}", soft_wrap=True)
            elif progress.step % _LINE_EVERY == 0 and not console.is_terminal:
                console.print(line, soft_wrap=True)

        yield report


def _bar() -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # torchrun starts this once for each device; one bar is enough.
        disable=os.environ.get("RANK", "0") != "0",
    )
