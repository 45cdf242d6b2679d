"""`samples`: writes a few FLAC files from the test split of a data folder."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app


@app.command()
def samples(
    data: Annotated[Path, typer.Argument(help="Data folder made by `synthesise`.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[int, typer.Option(min=1, help="How many files.")] = 3,
) -> None:
    """Write a few utterances of the test split as FLAC files, to try a model with."""
    from trainer.data.store import read_split  # noqa: PLC0415
    from trainer.speech import write_samples  # noqa: PLC0415

    write_samples(read_split(data, "test"), folder, count=count)
