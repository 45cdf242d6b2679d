"""Run or checkpoint folder in, a checkpoint folder in either layout out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.cli.command import app
from trainer.errors import DataError


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Run folder, or a checkpoint folder.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    layout: Annotated[Literal["today", "2022"], typer.Option(help="File layout.")] = "today",
) -> None:
    """Write a checkpoint folder in today's layout or that of 2022."""
    from trainer.export import export_model, load_stock  # noqa: PLC0415

    source = run / "export" if (run / "export").is_dir() else run
    if not (source / "config.json").is_file():
        raise DataError(f"{run} is neither a run folder nor a checkpoint folder")
    export_model(load_stock(source), folder, layout=layout)
