"""`prepare`: writes a data folder of recorded speech for a recipe."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import RecipeName, app, console
from trainer.recipe import load_recipe


@app.command()
def prepare(
    recipe: RecipeName,
    output: Annotated[
        Path | None, typer.Option(help="Data folder to write; default: data/RECIPE.")
    ] = None,
    folder: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="NAME=FOLDER", help="Where a source is; the others come from the hub."
        ),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the audio too: faster to read, and movable.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode.")] = os.cpu_count() or 1,
) -> None:
    """Read, filter and measure the speech a recipe names, and write its manifests and counts."""
    from trainer.data.prepare import prepare as write  # noqa: PLC0415 - pyarrow where it is needed

    loaded = load_recipe(recipe)
    counts = write(
        loaded,
        output or Path("data") / loaded.id,
        folders=dict(_named(given) for given in folder or ()),
        copy=copy,
        workers=workers,
        notify=console.print,
    )
    print(json.dumps(counts, ensure_ascii=False, indent=2))


def _named(given: str) -> tuple[str, Path]:
    name, equals, folder = given.partition("=")
    if not (name and equals and folder):
        raise typer.BadParameter(f"{given!r} is not NAME=FOLDER, such as npsc=/data/npsc")
    return name, Path(folder)
