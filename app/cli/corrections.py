"""`nordlyd corrections`: corrected transcripts and their recordings, for the trainer."""

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
    from collections.abc import Sequence

    from app.corrections import TrainingLine
    from app.jobs.exporting import Exported

app = typer.Typer(help="Corrected transcripts of jobs: list them, make a data folder to train on.")


@app.command("list")
def list_lines(
    *,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many lines; all where it is not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON each.")] = False,
) -> None:
    """List what senders agreed to be kept for training, on the machine of the service.

    Lines that the model was least sure of come first: how sure it was, the job, when the line is
    spoken, and whether a person corrected it.
    """
    from app.database import Database  # noqa: PLC0415
    from app.jobs.exporting import list_corrections  # noqa: PLC0415
    from app.jobs.storage import open_storage  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    blobs = open_storage(settings.storage, settings.data)
    with closing(Database.of(settings)) as database:
        listed = asyncio.run(list_corrections(database, blobs))
    for job, line in listed.lines[:limit]:
        print(_listed(job, line, as_json=as_json))
    _print_left_out(listed.left_out)


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
    _print_left_out(exported.left_out)
    if not exported.summary.splits:
        print("nordlyd: there are no corrections to export", file=sys.stderr)


def _print_left_out(left_out: "Sequence[tuple[str, str]]") -> None:
    for job, reason in left_out:
        print(f"nordlyd: {job} is left out: {reason}", file=sys.stderr)


def _listed(job: str, line: "TrainingLine", *, as_json: bool) -> str:
    start, end, confidence = round(line.start, 3), round(line.end, 3), round(line.confidence, 4)
    if as_json:
        times = {"start": start, "end": end}
        return json.dumps({"job": job, **times, "confidence": confidence, "changed": line.changed})
    changed = "  corrected" if line.changed else ""
    return f"{confidence:.2f}  {job}  {start:.1f}-{end:.1f} s{changed}"
