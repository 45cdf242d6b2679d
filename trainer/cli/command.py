"""What every command of the trainer shares: the application, the console, the arguments."""

from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Train, evaluate and export the checkpoints that Nordlyd serves.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(stderr=True)

RecipeName = Annotated[str, typer.Argument(help="A recipe file, or the id of a bundled one.")]
