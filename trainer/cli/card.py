"""`card`: writes the model card, training curve and figures of a run or model folder."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app, console


@app.command()
def card(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[Path, typer.Argument(help="Run folder with its export, or a model folder.")],
    recipe: Annotated[
        str | None, typer.Option(help="Recipe; default: the one model.toml or the counts name.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder, for its counts; default: data/RECIPE.")
    ] = None,
    evaluation: Annotated[
        Path | None, typer.Option(help="evaluation.json of `evaluate --report`.")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(help="Licence of the model, such as cc-by-4.0; default: that of model.toml."),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            help="Priority in model.toml: of several loaded models of a language the highest "
            "serves it; default: what the file has."
        ),
    ] = None,
) -> None:
    """Write README.md, the training curve and the figures of model.toml into a model folder."""
    from trainer.card import gather, update_catalogue, write_card  # noqa: PLC0415 - torch

    facts = gather(model, recipe=recipe, data=data, evaluation=evaluation, licence=licence)
    write_card(facts)
    update_catalogue(facts, priority=priority)
    console.print(f"{facts.folder / 'README.md'}: the card of {facts.id}", markup=False)
    for what, there in (
        ("evaluation.json (`evaluate --report`)", facts.evaluation is not None),
        ("training_log.csv", bool(facts.log)),
        ("counts.json", facts.counts is not None),
        ("run.json", facts.provenance is not None),
        ("a licence (--licence)", facts.licence is not None),
    ):
        if not there:
            console.print(f"the card is without {what}, which was not found", markup=False)
