"""`pseudo-label`: writes what a model is surest of in recordings without transcripts."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app, console


@app.command(name="pseudo-label")
def pseudo_label(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[str, typer.Argument(help="A folder, a catalogue id or a hub id.")],
    recordings: Annotated[
        list[str], typer.Argument(metavar="RECORDINGS...", help="Files, folders or globs.")
    ],
    output: Annotated[Path, typer.Option(metavar="DATA", help="The data folder to write.")],
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, help="Mean confidence from which on a line is kept."),
    ] = 0.9,
    language: Annotated[
        str | None, typer.Option(help="Of the recordings, where the model has several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Transcribe recordings, and keep the lines that the model is surest of to train on."""
    from trainer import pseudo_label as labelling  # noqa: PLC0415 - torch only where it is needed

    found = labelling.pseudo_label(
        model,
        recordings,
        output,
        threshold=threshold,
        language=language,
        notify=lambda line: console.print(line, markup=False, soft_wrap=True),
    )
    if as_json:
        splits = {name: asdict(split) for name, split in found.summary.splits.items()}
        print(
            json.dumps(
                {
                    "output": str(output),
                    "threshold": threshold,
                    "kept": {"lines": found.kept_lines, "seconds": round(found.kept_seconds, 3)},
                    "left_out": {
                        "lines": found.left_out_lines,
                        "seconds": round(found.left_out_seconds, 3),
                    },
                    "failed": found.failed,
                    "splits": splits,
                },
                ensure_ascii=False,
            )
        )
        return
    total = found.kept_lines + found.left_out_lines
    print(f"kept {found.kept_lines} of {total} lines, {found.kept_seconds / 60:.1f} minutes")
    for name, split in found.summary.splits.items():
        print(f"{name}: {split.lines} lines of {split.recordings} recordings")
