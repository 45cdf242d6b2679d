"""`calibrate`: writes `calibration.json` and a reliability diagram into a checkpoint folder."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from trainer.cli.command import app, console


@app.command()
def calibrate(
    model: Annotated[Path, typer.Argument(help="Checkpoint folder; the files are written there.")],
    data: Annotated[Path, typer.Option(help="Data folder: fitted on valid, measured on test.")],
    cache: Annotated[
        Path | None, typer.Option(help="Where emissions are kept; default: the data folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Fit confidences, scores and word boundaries to held-out speech; keep them with the model."""
    from app.decoding.calibration import CALIBRATION_NAME, calibration_data  # noqa: PLC0415
    from trainer.calibration import calibrate as fit  # noqa: PLC0415 - torch only where needed
    from trainer.calibration.plot import draw_reliability  # noqa: PLC0415

    outcome = fit(model, data, cache=cache or data, notify=console.print)
    measured: dict[str, Any] = {
        "confidence": {
            name: {
                "words": item.words,
                "right": round(item.right, 4),
                "error_before": round(item.before, 4),
                "error": round(item.after, 4),
                "utterance_error": round(item.utterances, 4),
            }
            for name, item in outcome.confidence.items()
        },
        "boundaries": outcome.boundaries,
    }
    content = calibration_data(outcome.calibration) | {"measured": measured}
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (model / CALIBRATION_NAME).write_text(f"{text}\n", encoding="utf-8")
    draw_reliability(outcome.confidence, model / "reliability.png", title=model.name)
    if as_json:
        print(json.dumps(measured))
        return
    table = Table("decoder", "words", "right", "error before", "error", "error of utterances")
    for name, item in outcome.confidence.items():
        figures = (item.right, item.before, item.after, item.utterances)
        table.add_row(name, str(item.words), *(f"{figure:.3f}" for figure in figures))
    console.print(table)
    if outcome.boundaries:
        table = Table("word times", "start, mean", "95 %", "end, mean", "95 %")
        for name, errors in outcome.boundaries.items():
            figures = (*errors["start"], *errors["end"])
            table.add_row(name, *(f"{1000 * figure:.0f} ms" for figure in figures))
        console.print(table)
