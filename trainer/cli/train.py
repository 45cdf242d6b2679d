"""Recipe and data folder in, run folder out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar

from trainer.cli.command import RecipeName, app, console
from trainer.recipe import load_recipe


@app.command()
def train(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: RecipeName,
    data: Annotated[Path, typer.Option(help="Data folder made by `synthesise`.")],
    output: Annotated[Path, typer.Option(help="Run folder: checkpoint, log, export.")],
    init: Annotated[
        Path | None, typer.Option(help="Checkpoint folder to start from, if the recipe wants one.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after this step of the schedule.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the run in the output folder.")] = False,
) -> None:
    """Train a model; Ctrl-C saves, --resume goes on exactly where it stopped."""
    from trainer.training import loop as training  # noqa: PLC0415 - torch only where it is needed

    chosen = load_recipe(recipe)
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("training", total=chosen.training.steps)

        def report(progress: training.Progress) -> None:
            bar.update(
                task,
                completed=progress.step,
                description=f"loss {progress.loss:.3f}, rate {progress.learning_rate:.1e}, "
                f"{progress.seconds_per_second:.0f} s/s",
            )
            line = (
                f"step {progress.step}/{progress.steps}, epoch {progress.epoch:.2f}, "
                f"loss {progress.loss:.3f}, {progress.seconds_per_second:.0f} s of audio a second"
            )
            if progress.validation:
                loss, wer = progress.validation
                console.print(f"{line}; validation loss {loss:.3f}, WER {wer:.3f}")
            elif progress.step % 50 == 0 and not console.is_terminal:
                console.print(line)

        training.fit(
            chosen, data, output, init=init, max_steps=max_steps, resume=resume, report=report
        )
