"""`train`: trains a recipe on a data folder and writes a run folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from trainer.cli.command import RecipeName, app, console
from trainer.recipe import RECIPES, load_recipe

if TYPE_CHECKING:
    from trainer.training import Progress

_LINE_EVERY = 50  # updates, where the output is no terminal


@app.command()
def train(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: RecipeName,
    output: Annotated[Path, typer.Option(help="Run folder: checkpoints, log, export.")],
    data: Annotated[
        Path | None, typer.Option(help="Data folder; by default data/ID of the recipe.")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Checkpoint folder to start from, in place of the recipe's."),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after this update of the schedule.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in the output folder.")] = False,
    precision: Annotated[
        Literal["auto", "fp16", "bf16", "fp32"] | None,
        typer.Option(help="In place of the recipe's."),
    ] = None,
) -> None:
    """Train a model; Ctrl-C saves, --resume continues exactly where it stopped.

    On several devices: torchrun --nproc-per-node N -m trainer train …
    """
    from trainer.training import fit  # noqa: PLC0415 - torch only where it is needed

    chosen = load_recipe(recipe)
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

        fit(
            chosen,
            data or Path("data") / chosen.id,
            output,
            init=init,
            max_steps=max_steps,
            resume=resume,
            precision=precision,
            recipe_file=Path(recipe) if Path(recipe).is_file() else RECIPES / f"{recipe}.toml",
            report=report,
            warn=lambda line: console.print(line, markup=False, soft_wrap=True),
        )


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
