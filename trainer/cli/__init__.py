"""`python -m trainer …` and `nordlyd-train …`: one module a command, joined here.

A command imports what is heavy, or of the extra `train`, when it runs: `plan` needs neither.
"""

import errno
import sys
from typing import NoReturn

import structlog

from app.errors import NordlydError
from app.extras import install_hint
from trainer.cli import (
    calibrate,
    card,
    compare,
    distill,
    evaluate,
    export,
    finetune,
    lm,
    plan,
    prepare,
    pseudo_label,
    publish,
    samples,
    segment,
    synthesise,
    train,
    tune,
)
from trainer.cli.command import app, console
from trainer.errors import TrainerError

__all__ = [
    "calibrate",
    "card",
    "compare",
    "distill",
    "evaluate",
    "export",
    "finetune",
    "lm",
    "main",
    "plan",
    "prepare",
    "pseudo_label",
    "publish",
    "samples",
    "segment",
    "synthesise",
    "train",
    "tune",
]

_FULL = (errno.ENOSPC, errno.EDQUOT)


def main() -> None:
    """Runs the command line; errors that have a message end it with that line and status 1.

    Logs go to stderr: stdout has what a command prints, one JSON object with --json.
    """
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        app()
    except (TrainerError, NordlydError) as error:
        _end(str(error), error)
    except OSError as error:
        if error.errno not in _FULL and (error.filename is None or error.strerror is None):
            raise
        _end(f"{error.filename or 'a file'} cannot be used: {error.strerror}", error)
    except ModuleNotFoundError as error:
        hint = install_hint(error, preferred="train")
        if hint is None:
            raise
        _end(hint, error)


def _end(message: str, error: Exception) -> NoReturn:
    console.print(message, style="red", markup=False, soft_wrap=True)
    raise SystemExit(1) from error
