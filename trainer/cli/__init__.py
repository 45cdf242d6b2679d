"""`python -m trainer …` and `nordlyd-train …`: one module a command, joined here."""

from app.errors import NordlydError
from trainer.cli import (
    calibrate,
    card,
    evaluate,
    export,
    lm,
    plan,
    prepare,
    samples,
    synthesise,
    train,
    tune,
)
from trainer.cli.command import app, console
from trainer.errors import TrainerError

__all__ = [
    "calibrate",
    "card",
    "evaluate",
    "export",
    "lm",
    "main",
    "plan",
    "prepare",
    "samples",
    "synthesise",
    "train",
    "tune",
]


def main() -> None:
    """Run the command line; errors that have a message end it with that line and status 1."""
    try:
        app()
    except (TrainerError, NordlydError) as error:
        console.print(str(error), style="red", markup=False)
        raise SystemExit(1) from error
