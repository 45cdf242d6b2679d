"""`distill`: trains a smaller model on the emissions of a larger one."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.cli.command import (
    MaxSteps,
    Precision,
    RecipeName,
    Resume,
    RunFolder,
    ShardingOption,
    app,
    console,
)
from trainer.cli.training_reports import recipe_file, training_reports
from trainer.errors import DataError
from trainer.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from trainer.training import Progress


@app.command()
def distill(  # noqa: PLR0917 - options of a command line, named by the user
    teacher: Annotated[
        str, typer.Argument(help="Model to learn from: a folder, a catalogue id or a hub id.")
    ],
    recipe: RecipeName,
    output: RunFolder,
    audio: Annotated[
        Path | None, typer.Option(help="Folder of recordings, which need no texts.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder in place of --audio; by default data/ID of the recipe."),
    ] = None,
    max_steps: MaxSteps = None,
    resume: Resume = False,
    precision: Precision = None,
    sharding: ShardingOption = "none",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a smaller model of a recipe on what a larger one emits for audio without texts."""
    from app.catalogue import Catalogue  # noqa: PLC0415 - torch only where it is needed
    from app.model_loading import source_of  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415
    from trainer.training import fit  # noqa: PLC0415
    from trainer.training.devices import open_devices  # noqa: PLC0415

    if audio is not None and data is not None:
        raise DataError("give either --audio or --data to train on")
    chosen = load_recipe(recipe)
    with open_devices() as devices:

        def prepared() -> tuple[Path, Path]:
            settings = load_settings(os.environ)
            catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
            source = source_of(settings, catalogue.resolve(teacher)).folder
            if audio is not None:
                return source, _cut(audio, output, chosen, resume=resume)
            return source, data or Path("data") / chosen.id

        folder, speech = devices.from_first(prepared)
        measured: dict[str, float] = {}
        with training_reports(max_steps) as report:

            def note(progress: "Progress") -> None:
                report(progress)
                measured["step"] = progress.step
                if progress.validation:
                    measured["loss"], measured["wer"] = progress.validation

            model = fit(
                chosen,
                speech,
                output,
                teacher=folder,
                max_steps=max_steps,
                resume=resume,
                precision=precision,
                sharding=sharding,
                recipe_file=recipe_file(recipe),
                report=note,
                warn=lambda line: console.print(line, markup=False, soft_wrap=True),
            )
        if as_json and devices.first:
            summary = {
                "output": str(output),
                "export": str(output / "export"),
                "teacher": teacher,
                "parameters": sum(weight.numel() for weight in model.parameters()),
                "step": measured.get("step"),
                "validation_loss": measured.get("loss"),
                "validation_wer": measured.get("wer"),
            }
            print(json.dumps(summary, ensure_ascii=False))


def _cut(audio: Path, output: Path, recipe: Recipe, *, resume: bool) -> Path:
    """Returns the data folder of a run, and writes it where the run is new."""
    from trainer.data.unlabelled import write_unlabelled  # noqa: PLC0415

    folder = output / "data"
    begun = any(output.glob("checkpoint-*"))
    if begun and (folder / "train.jsonl").is_file():
        return folder
    if begun and not resume:
        raise DataError(f"{output} already holds a training; --resume continues it")
    counts = write_unlabelled(
        audio,
        folder,
        language=recipe.language,
        piece_seconds=recipe.data.max_seconds,
        min_seconds=recipe.data.min_seconds,
        notify=lambda line: console.print(line, markup=False, soft_wrap=True),
    )
    pieces = ", ".join(f"{count:,} in {split}" for split, count in counts.items())
    longest = f"pieces of at most {recipe.data.max_seconds:g} s"
    console.print(f"{audio}: {longest}: {pieces}", markup=False, soft_wrap=True)
    return folder
