"""`lm`: makes a language model, in the layout that the service loads, of a recipe's or own text."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.adaptation.command import Language, Name, NamesFile, adapt_model
from trainer.cli.command import app, console
from trainer.errors import LanguageModelError
from trainer.recipe import load_recipe


@app.command()
def lm(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: Annotated[
        str, typer.Argument(help="A recipe file or the id of a bundled one; with --text a model.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="Data folder; its valid and test texts are left out.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write: `language_model` in a checkpoint folder.")
    ] = None,
    packages: Annotated[
        Path | None, typer.Option(help="Where Debian packages are kept; default: in the data.")
    ] = None,
    save_text: Annotated[
        Path | None, typer.Option(help="File for the clean text; a source of other recipes.")
    ] = None,
    estimator: Annotated[
        Literal["auto", "lmplz", "numpy"], typer.Option(help="KenLM's, ours, or what there is.")
    ] = "auto",
    text: Annotated[
        list[Path] | None,
        typer.Option(help="Own document or folder of them: as `nordlyd adapt`; may be repeated."),
    ] = None,
    names: NamesFile = None,
    name: Name = "adapted",
    language: Language = None,
) -> None:
    """Estimate an n-gram language model from the text of a recipe, or adapt one to own text."""
    if text or names is not None:
        if (data, output, packages, save_text, estimator) != (None, None, None, None, "auto"):
            raise LanguageModelError(
                "--text and --names make a language model for MODEL; accepted with them: --name "
                "and --language"
            )
        made = adapt_model(recipe, text or [], names=names, name=name, language=language)
        print(json.dumps(made.as_dict(), ensure_ascii=False, indent=2))
        return
    if data is None or output is None:
        raise LanguageModelError("a recipe needs --data and --output; own text is given by --text")
    _of_recipe(recipe, data, output, packages, save_text, estimator)


def _of_recipe(  # noqa: PLR0917 - as above
    recipe: str,
    data: Path,
    output: Path,
    packages: Path | None,
    save_text: Path | None,
    estimator: Literal["auto", "lmplz", "numpy"],
) -> None:
    from trainer.language_model import NgramModel, build  # noqa: PLC0415
    from trainer.language_model.corpus import gather, held_out_texts  # noqa: PLC0415
    from trainer.language_model.everyday import with_everyday_language  # noqa: PLC0415

    chosen = load_recipe(recipe)
    if chosen.language_model is None:
        raise LanguageModelError(f"{chosen.id} has no [language_model]")
    text = gather(chosen, data, packages=packages, notify=console.print)
    if save_text is not None:
        save_text.write_text("\n".join(text.lines) + "\n", encoding="utf-8")
    mixture = chosen.language_model.mixture

    def mix(model: NgramModel) -> NgramModel:
        kept = packages or data / "packages"
        return with_everyday_language(
            model, chosen, kept, held_out_texts(data), notify=console.print
        )

    built = build(
        text.lines,
        chosen.language_model,
        output,
        estimator=estimator,
        mix=mix if mixture else None,
        notify=console.print,
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
        **({"mixture": asdict(mixture)} if mixture else {}),
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
