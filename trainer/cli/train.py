"""`train`: trains a recipe on a data folder and writes a run folder."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import (
    MaxSteps,
    Precision,
    RecipeName,
    Resume,
    RunFolder,
    ShardingOption,
    app,
    console,
)
from trainer.cli.training_reports import recipe_file, training_reports
from trainer.recipe import load_recipe


@app.command()
def train(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: RecipeName,
    output: RunFolder,
    data: Annotated[
        Path | None, typer.Option(help="Data folder; by default data/ID of the recipe.")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Checkpoint folder to start from, in place of the recipe's."),
    ] = None,
    max_steps: MaxSteps = None,
    resume: Resume = False,
    precision: Precision = None,
    scale_batch: Annotated[
        bool,
        typer.Option(
            "--scale-batch",
            help="Of several devices, each takes the recipe's whole batch, so that updates grow.",
        ),
    ] = False,
    sharding: ShardingOption = "none",
) -> None:
    """Train a model; Ctrl-C saves, --resume continues exactly where it stopped.

    On several devices: torchrun --nproc-per-node N -m trainer train …
    """
    from trainer.training import fit  # noqa: PLC0415 - torch only where it is needed

    chosen = load_recipe(recipe)
    with training_reports(max_steps) as report:
        fit(
            chosen,
            data or Path("data") / chosen.id,
            output,
            init=init,
            max_steps=max_steps,
            resume=resume,
            precision=precision,
            scale_batch=scale_batch,
            sharding=sharding,
            recipe_file=recipe_file(recipe),
            report=report,
            warn=lambda line: console.print(line, markup=False, soft_wrap=True),
        )
