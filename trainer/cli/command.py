"""What every command of the trainer shares: the application, the console, the arguments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from trainer.sharding import Sharding

if TYPE_CHECKING:
    from app.catalogue import PullPlan

app = typer.Typer(
    help="Train, evaluate and export the checkpoints that Nordlyd serves.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(stderr=True)

RecipeName = Annotated[str, typer.Argument(help="A recipe file, or the id of a bundled one.")]
RunFolder = Annotated[Path, typer.Option(help="Run folder: checkpoints, log, export.")]
MaxSteps = Annotated[
    int | None, typer.Option(min=1, help="Stop after this update of the schedule.")
]
Resume = Annotated[bool, typer.Option(help="Continue the run in the output folder.")]
ShardingOption = Annotated[
    Sharding,
    typer.Option(
        "--sharding",
        help="full: of several devices, each holds a part of weights, gradients and states.",
    ),
]
Precision = Annotated[
    Literal["auto", "fp16", "bf16", "fp32"] | None, typer.Option(help="In place of the recipe's.")
]


def report_pull(plan: "PullPlan") -> None:
    """Prints what is about to be fetched from the hub."""
    console.print(
        f"fetching {plan.hub} ({plan.total / 1e9:.2f} GB, licence: "
        f"{plan.licence or 'not stated'}) to {plan.folder}",
        markup=False,
    )
