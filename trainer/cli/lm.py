"""`lm`: estimates a language model, in the layout that the service loads, from a recipe's text."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.cli.command import RecipeName, app, console
from trainer.errors import LanguageModelError
from trainer.recipe import load_recipe


@app.command()
def lm(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: RecipeName,
    data: Annotated[Path, typer.Option(help="Data folder; its valid and test texts are left out.")],
    output: Annotated[
        Path, typer.Option(help="Folder to write: `language_model` in a checkpoint folder.")
    ],
    packages: Annotated[
        Path | None, typer.Option(help="Where Debian packages are kept; default: in the data.")
    ] = None,
    save_text: Annotated[
        Path | None, typer.Option(help="File for the clean text; a source of other recipes.")
    ] = None,
    estimator: Annotated[
        Literal["auto", "lmplz", "numpy"], typer.Option(help="KenLM's, ours, or what there is.")
    ] = "auto",
) -> None:
    """Estimate an n-gram language model from the text of a recipe."""
    from trainer.language_model import build, gather  # noqa: PLC0415

    chosen = load_recipe(recipe)
    if chosen.language_model is None:
        raise LanguageModelError(f"{chosen.id} has no [language_model]")
    text = gather(chosen, data, packages=packages, notify=console.print)
    if save_text is not None:
        save_text.write_text("\n".join(text.lines) + "\n", encoding="utf-8")
    built = build(
        text.lines, chosen.language_model, output, estimator=estimator, notify=console.print
    )
    facts = {
        "recipe": chosen.id,
        "sources": list(chosen.language_model.sources),
        "lines": len(text.lines),
        "words": text.words,
        "dropped": text.dropped,
        "estimator": built.estimator,
        "order": chosen.language_model.order,
        "prune": list(chosen.language_model.prune),
        "ngrams": list(built.ngrams),
        "bytes": built.sizes,
    }
    report = json.dumps(facts, ensure_ascii=False, indent=2)
    output.with_suffix(".json").write_text(report + "\n", encoding="utf-8")
    print(report)


@app.command()
def kenlm(
    output: Annotated[
        Path | None, typer.Option(help="Folder for the programs; default: the user's cache.")
    ] = None,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Not where both are.")] = False,
) -> None:
    """Build KenLM's lmplz and build_binary from PyPI's source, for `lm` to use."""
    from trainer.language_model import build_tools, find_tool  # noqa: PLC0415

    if if_missing and find_tool("lmplz") and find_tool("build_binary"):
        return
    for tool in build_tools(output, notify=console.print):
        print(tool)
