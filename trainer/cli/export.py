"""`export`: writes a model folder for transformers and the service, or for another runtime."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.cli.command import app, console
from trainer.errors import DataError


@app.command()
def export(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[Path, typer.Argument(help="Run folder, or a checkpoint folder.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    to: Annotated[
        Literal["transformers", "onnx", "sherpa-onnx", "ctranslate2"],
        typer.Option(help="What is to load it; `transformers` is for the service too."),
    ] = "transformers",
    layout: Annotated[
        Literal["today", "2022"], typer.Option(help="File layout for transformers.")
    ] = "today",
    average: Annotated[
        int | None, typer.Option(min=1, help="Number of the run's last checkpoints to average.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a model folder: weights, language model, card and calibration."""
    from trainer.export import export_folder  # noqa: PLC0415 - torch only where it is needed

    if to != "transformers" and layout != "today":
        raise DataError(f"--layout {layout} is of --to transformers; leave it out for {to}")
    exported = export_folder(model, folder, to=to, layout=layout, average=average)
    if as_json:
        sizes = {
            str(file.relative_to(folder)): file.stat().st_size
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
        summary = {
            "folder": str(folder),
            "to": to,
            "layout": layout if to == "transformers" else None,
            "weights": [str(path) for path in exported.weights],
            "companions": exported.companions,
            "files": sizes,
        }
        print(json.dumps(summary, ensure_ascii=False))
        return
    names = ", ".join(path.name for path in exported.weights)
    form = f"layout {layout}" if to == "transformers" else f"for {to}"
    carried = f"; with {', '.join(exported.companions)}" if exported.companions else ""
    console.print(f"{folder}: the weights of {names}, {form}{carried}", markup=False)
