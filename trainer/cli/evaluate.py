"""Checkpoint and speech in, error rates out."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app
from trainer.errors import DataError


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Checkpoint folder.")],
    manifest: Annotated[Path | None, typer.Option(help='JSON lines of {"audio", "text"}.')] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder made by `synthesise`: its test split.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the greedy word and character error rates of a checkpoint."""
    from trainer.data.store import read_split  # noqa: PLC0415
    from trainer.evaluation import error_rates as evaluation  # noqa: PLC0415

    if (manifest is None) == (data is None):
        raise DataError("say what to evaluate on: either --manifest or --data")
    speech = (
        evaluation.manifest_speech(manifest)
        if manifest is not None
        else evaluation.split_speech(read_split(data or Path(), "test"))
    )
    result = evaluation.evaluate(model, speech)
    if as_json:
        print(json.dumps(result.as_dict()))
    else:
        print(
            f"{result.utterances} utterances, {result.seconds:.0f} s: "
            f"greedy WER {result.greedy_wer:.4f}, CER {result.greedy_cer:.4f}"
        )
