"""`segment`: cuts long recordings with their transcripts into a data folder."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from app.splits import SPLITS
from trainer.cli.command import app, console, report_pull

_MAX_NAMED = 5


@app.command()
def segment(  # noqa: PLR0917 - options of a command line, named by the user
    recordings: Annotated[
        Path, typer.Argument(help="A recording, or a folder of recordings, of any format.")
    ],
    transcripts: Annotated[
        Path,
        typer.Argument(
            help="What was written of it: .txt, .md, .docx, .pdf, .srt, .vtt, or the service's "
            ".json; or a folder of such files, each with the name of its recording."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Data folder to make.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder, catalogue id or hub id of the model that reads the recordings. Default: "
            "the service's for the language."
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of the transcripts, for numbers. Default: the model's.")
    ] = None,
    max_seconds: Annotated[
        float, typer.Option(min=1, max=60, help="Length of a piece, at most.")
    ] = 15.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a summary.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, float16 or auto.")] = "float32",
) -> None:
    """Cut long recordings at pauses into pieces whose text is what is said in them."""
    from app.model_loading import settings_for_one  # noqa: PLC0415 - torch only where needed
    from app.settings import load_settings  # noqa: PLC0415
    from trainer import segmentation  # noqa: PLC0415
    from trainer.comparison.local import open_model  # noqa: PLC0415

    segmentation.check_output(output)
    found = segmentation.find_pairs(recordings, transcripts)
    reference = settings_for_one(load_settings(os.environ), model, language).models[0]
    opened = open_model(reference, reference, {}, device=device, dtype=dtype, report=report_pull)
    counts = segmentation.segment(
        segmentation.Segmenter(
            opened.load(),
            opened.decoders,
            language or next(iter(opened.source.card.languages), ""),
            max_seconds,
        ),
        found,
        output,
        model=opened.source.card.id,
        notify=lambda line: console.print(line, markup=False, soft_wrap=True),
    )
    if as_json:
        print(json.dumps(counts, ensure_ascii=False))
        return
    for line in _summary(counts, output / segmentation.REPORT):
        print(line)


def _summary(counts: dict[str, Any], report: Path) -> list[str]:
    lines = [
        f"{counts['pieces']:,} pieces, {60 * counts['piece_hours']:,.1f} of "
        f"{60 * counts['hours']:,.1f} minutes, {counts['words']:,} words"
    ]
    lines += [
        f"{reason}: {own['seconds']:,.1f} s of speech, {own['words']:,} written words"
        for reason, own in counts["left_out"].items()
    ]
    lines += [
        f"{split}: {counts[split]['hours'] * 60:,.1f} minutes of "
        f"{', '.join(counts[split]['recordings'][:_MAX_NAMED])}"
        + (" …" if len(counts[split]["recordings"]) > _MAX_NAMED else "")
        for split in SPLITS
        if split in counts
    ]
    if "test" not in counts:
        lines.append("fewer than three recordings: all is in train, for splits are by recording")
    return [*lines, f"report: {report}"]
