"""`nordlyd corrections export`: corrected transcripts and their recordings, for the trainer."""

import asyncio
import json
import os
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import load_settings

if TYPE_CHECKING:
    from app.jobs.exporting import Exported

app = typer.Typer(help="Corrected transcripts of jobs: make a data folder to train on.")


# With one command alone, typer would leave out its name.
@app.callback()
def corrections() -> None:
    """Make a data folder of corrected transcripts."""


@app.command()
def export(
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="The data folder, made or brought up to date.")
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
) -> None:
    """Write what senders agreed to be kept for training, on the machine of the service.

    Lines that the model was least sure of come first. What was erased since an
    earlier export is deleted from the folder.
    """
    from app.audit import AUDIT_LOG, AuditLog  # noqa: PLC0415
    from app.database import Database  # noqa: PLC0415
    from app.jobs.exporting import export_corrections  # noqa: PLC0415
    from app.jobs.storage import open_storage  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415
    from app.main import audio_limits  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    blobs = open_storage(settings.storage, settings.data)
    audit = AuditLog(settings.data / AUDIT_LOG)
    limits = audio_limits(settings)
    with closing(Database.of(settings)) as database:
        exported = asyncio.run(export_corrections(database, blobs, audit, limits, output))
    _print(exported, output, as_json=as_json)


def _print(exported: "Exported", output: Path, *, as_json: bool) -> None:
    splits = {name: asdict(split) for name, split in exported.summary.splits.items()}
    if as_json:
        left_out = [{"job": job, "reason": reason} for job, reason in exported.left_out]
        print(json.dumps({"output": str(output), "splits": splits, "left_out": left_out}))
        return
    for name, split in exported.summary.splits.items():
        print(
            f"{name}: {split.lines} lines of {split.recordings} recordings, "
            f"{split.seconds / 60:.1f} minutes, {split.changed} lines corrected"
        )
    for job, reason in exported.left_out:
        print(f"nordlyd: {job} is left out: {reason}", file=sys.stderr)
    if not exported.summary.splits:
        print("nordlyd: there are no corrections to export", file=sys.stderr)
