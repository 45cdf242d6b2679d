"""`export`: writes a checkpoint folder in either layout from a run or a checkpoint."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.cli.command import app, console


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="Run folder, or a checkpoint folder.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    layout: Annotated[Literal["today", "2022"], typer.Option(help="File layout.")] = "today",
    average: Annotated[
        int | None, typer.Option(min=1, help="Number of the run's last checkpoints to average.")
    ] = None,
) -> None:
    """Write a checkpoint folder with fp16 weights, in today's layout or that of 2022."""
    from trainer.export import export_folder  # noqa: PLC0415 - torch only where it is needed

    taken = export_folder(model, folder, layout=layout, average=average)
    names = ", ".join(path.name for path in taken)
    console.print(f"{folder}: the weights of {names}, layout {layout}", markup=False)
