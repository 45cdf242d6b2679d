"""`finetune`: trains a model further on one's own speech, without a recipe."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trainer.cli.command import ShardingOption, app, console, report_pull
from trainer.cli.training_reports import training_reports
from trainer.errors import RecipeError
from trainer.recipe_rules import LANGUAGES

if TYPE_CHECKING:
    from trainer.finetuning import Request


@app.command()
def finetune(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Folder, catalogue id or hub id to start from.")
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder of recordings beside txt, docx, srt, vtt, TextGrid, EAF or the service's "
            "JSON, or a csv, tsv or jsonl, or a folder of these.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Run folder: data, recipe, checkpoints, export. Default: runs/finetune."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="da, nb or nn; by default that of the model.")
    ] = None,
    method: Annotated[
        Literal["full", "adamw8bit", "adafactor", "lora"] | None,
        typer.Option(help="What is trained and how; by default the first that fits the memory."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Updates; by default by the hours of speech.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after this update of the schedule.")
    ] = None,
    only_plan: Annotated[
        bool, typer.Option("--only-plan", help="Write data and recipe, and train nothing.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in the output folder.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Threads that decode.")] = os.cpu_count() or 1,
    sharding: ShardingOption = "none",
    as_json: Annotated[bool, typer.Option("--json", help="Print a report as JSON.")] = False,
) -> None:
    """Fine-tune a model on your own speech; the recipe that is made is written out.

    Ctrl-C saves, --resume continues exactly where it stopped. On several devices:
    torchrun --nproc-per-node N -m trainer finetune …
    """
    from trainer import finetuning  # noqa: PLC0415 - torch only where it is needed
    from trainer.training.devices import open_devices  # noqa: PLC0415

    folder = output or Path("runs/finetune")

    def notify(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    if resume and only_plan:
        raise RecipeError("--resume continues a training, and --only-plan makes none: give one")
    with open_devices() as devices:

        def plan() -> dict[str, Any]:
            if resume and (folder / "recipe.toml").is_file():
                return {}
            request = replace(
                _request(model, data, folder, language, method, steps, workers),
                devices=devices.count,
                sharding=sharding,
            )
            planned = finetuning.plan_finetuning(request, notify)
            notify(f"recipe: {planned['recipe']}")
            return planned

        report = devices.from_first(plan)
        if not only_plan:
            with training_reports(max_steps) as progress:
                report = finetuning.train_finetuning(
                    folder,
                    resume=resume,
                    max_steps=max_steps,
                    sharding=sharding,
                    progress=progress,
                    notify=notify,
                )
        if as_json and devices.first:
            print(json.dumps(report, ensure_ascii=False))


def _request(  # noqa: PLR0917 - options of the command
    model: str,
    data: Path,
    output: Path,
    language: str | None,
    method: Literal["full", "adamw8bit", "adafactor", "lora"] | None,
    steps: int | None,
    workers: int,
) -> "Request":
    from app.catalogue import Catalogue  # noqa: PLC0415
    from app.model_loading import source_of  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415
    from trainer.finetuning import Request  # noqa: PLC0415 - torch only where it is needed

    settings = load_settings(os.environ)
    resolved = Catalogue.load(settings.catalogue, settings.target_langs).resolve(model)
    source = source_of(settings, resolved, report=report_pull)
    trained = [code for code in resolved.card.languages if code in LANGUAGES]
    if language is None and len(trained) != 1:
        raise RecipeError(
            f"{model} names {', '.join(trained) or 'no language'}: give --language, one of "
            f"{', '.join(LANGUAGES)}"
        )
    return Request(
        source.folder, resolved.id, data, output, language or trained[0], method, steps, workers
    )
