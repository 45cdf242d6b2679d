"""`evaluate`: measures the error rates of a checkpoint and writes a report."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app, console
from trainer.errors import DataError


@app.command()
def evaluate(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[Path, typer.Argument(help="Checkpoint folder.")],
    manifest: Annotated[Path | None, typer.Option(help='JSON lines of {"audio", "text"}.')] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder made by `synthesise` or `prepare`.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the data folder.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Folder to write report.html, report.md and evaluation.json into."),
    ] = None,
    beam_width: Annotated[int, typer.Option(min=1, max=2000, help="Hypotheses kept.")] = 100,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Number of utterances, spread over the set.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, float16 or auto.")] = "float32",
) -> None:
    """Measure word and character error rates: greedy, beam search, and with a language model."""
    from trainer import evaluation  # noqa: PLC0415 - torch only where it is needed

    if (manifest is None) == (data is None):
        raise DataError("give either --manifest or --data to evaluate on")
    test_set = (
        evaluation.read_manifest(manifest)
        if manifest is not None
        else evaluation.read_data(data or Path(), split)
    ).limit(limit)
    found = evaluation.evaluate(model, test_set, beam_width=beam_width, device=device, dtype=dtype)
    summary = evaluation.summarise(found)
    if report is not None:
        evaluation.write_report(summary, test_set, report)
        console.print(f"report: {report / 'report.html'}", markup=False)
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        for line in evaluation.headline(summary):
            print(line)
