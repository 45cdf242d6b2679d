"""`tune`: finds the best weights of a language model on the validation split."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress as Bar
from rich.table import Table

from trainer.cli.command import app, console
from trainer.errors import LanguageModelError
from trainer.recipe import LanguageModelRecipe, load_recipe

if TYPE_CHECKING:
    from trainer.language_model.tune import Tuning


@app.command()
def tune(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[Path, typer.Argument(help="Checkpoint folder.")],
    data: Annotated[Path, typer.Option(help="Data folder: its validation split.")],
    recipe: Annotated[
        str | None, typer.Option(help="Recipe with the grid; default: the usual one.")
    ] = None,
    language_model: Annotated[
        Path | None, typer.Option(help="Folder made by `lm`; default: the checkpoint's own.")
    ] = None,
    heatmap: Annotated[
        Path | None, typer.Option(help="PNG to write; default: language_model.png in MODEL.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where emissions are kept; default: the data folder.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="How many decode at a time.")] = (
        os.cpu_count() or 1
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Find the weights of a language model; refuse one worse than greedy or what is there."""
    from app.acoustic import load_checkpoint  # noqa: PLC0415 - torch only where it is needed
    from app.audio import SAMPLE_RATE  # noqa: PLC0415
    from app.catalogue.cards import CARD_NAME  # noqa: PLC0415
    from trainer.data import read_split  # noqa: PLC0415
    from trainer.evaluation.emissions import compute_emissions  # noqa: PLC0415
    from trainer.export import declare_language_model  # noqa: PLC0415
    from trainer.language_model.grid import EncodedUtterances  # noqa: PLC0415
    from trainer.language_model.heatmap import draw_heatmap  # noqa: PLC0415
    from trainer.language_model.tune import (  # noqa: PLC0415
        ALPHAS,
        BEAM_WIDTH,
        BETAS,
        as_dict,
        publish,
    )
    from trainer.language_model.tune import tune as search  # noqa: PLC0415

    own = model / "language_model"
    folder = language_model or own
    if not folder.is_dir():
        raise LanguageModelError(f"there is no {folder}; make it with `python -m trainer lm`")
    chosen = _grid(recipe)
    checkpoint = load_checkpoint(model)
    console.print("encoding the validation split")
    emitted = compute_emissions(model, read_split(data, "valid"), cache=cache or data / "emissions")
    encoded = EncodedUtterances(
        checkpoint.vocabulary,
        checkpoint.hop / SAMPLE_RATE,
        tuple(item.emissions for item in emitted),
        tuple(item.text for item in emitted),
        tuple(item.seconds for item in emitted),
    )
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("decoding", total=None)
        tuning = search(
            encoded,
            folder,
            spelling=(model / CARD_NAME).is_file(),
            former=own if own.is_dir() and own.resolve() != folder.resolve() else None,
            alphas=chosen.alphas if chosen else ALPHAS,
            betas=chosen.betas if chosen else BETAS,
            beam_width=chosen.beam_width if chosen else BEAM_WIDTH,
            processes=processes,
            done=lambda finished, total: bar.update(task, completed=finished, total=total),
        )
    if as_json:
        print(json.dumps(as_dict(tuning)))
    else:
        _print_tables(tuning)
    picture = heatmap or model / "language_model.png"
    draw_heatmap(tuning, picture, title=f"{model.resolve().name}, validation")
    target = publish(tuning, folder, model)
    if (model / "processor_config.json").is_file():
        declare_language_model(model)
    report = target.with_suffix(".json")
    facts = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    text = json.dumps(facts | {"tuning": as_dict(tuning)}, ensure_ascii=False, indent=2)
    report.write_text(text + "\n", encoding="utf-8")
    best = tuning.best.setting
    weights = f"alpha {best.alpha:g}, beta {best.beta:g}"
    if tuning.spelling:
        weights += f", unknown words {best.spelling_weight:g} and {best.spelling_offset:g}"
    elif not (model / CARD_NAME).is_file():
        console.print(f"there is no {CARD_NAME} (`card` makes it): unknown words keep one penalty")
    console.print(f"{target}: {weights}; {report}, {picture}")


def _grid(recipe: str | None) -> LanguageModelRecipe | None:
    if recipe is None:
        return None
    chosen = load_recipe(recipe)
    if chosen.language_model is None:
        raise LanguageModelError(f"{chosen.id} has no [language_model]")
    return chosen.language_model


def _print_tables(tuning: "Tuning") -> None:
    betas = sorted({point.setting.beta for point in tuning.grid})
    table = Table("alpha", *(f"beta {beta:g}" for beta in betas), title="WER in % on validation")
    for alpha in sorted({point.setting.alpha for point in tuning.grid}):
        row = [point for point in tuning.grid if point.setting.alpha == alpha]
        row.sort(key=lambda point: point.setting.beta)
        table.add_row(f"{alpha:g}", *(f"{100 * point.wer:.2f}" for point in row))
    spelling = Table("weight", "offset", "WER %", title="unknown words by their spelling")
    for point in tuning.spelling:
        weight, offset = point.setting.spelling_weight, point.setting.spelling_offset
        spelling.add_row(f"{weight:g}", f"{offset:g}", f"{100 * point.wer:.2f}")
    widths = Table("beam width", "WER %", "audio s per s", title="at the best alpha and beta")
    for point in tuning.widths:
        cells = f"{100 * point.wer:.2f}", f"{point.seconds_per_second:.0f}"
        widths.add_row(str(point.setting.beam_width), *cells)
    hotwords = Table("hotword weight", "WER %", "found %", title="unknown words as hotwords")
    for point in tuning.hotwords:
        cells = f"{100 * point.wer:.2f}", f"{100 * point.hotwords_found:.1f}"
        hotwords.add_row(f"{point.setting.hotword_weight:g}", *cells)
    console.print(table)
    if tuning.spelling:
        console.print(spelling)
    console.print(widths)
    if tuning.hotwords:
        console.print(hotwords)
    console.print(
        f"greedy {tuning.greedy.wer:.2%}, beam {tuning.beam.wer:.2%}, "
        f"with the language model {tuning.best.wer:.2%}"
        + ("" if tuning.former is None else f", with the one that is there {tuning.former.wer:.2%}")
    )
