"""`nordlyd adapt`, and what it shares with `nordlyd-train lm --text`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from app.errors import ConfigurationError
from app.settings import load_settings
from trainer.errors import LanguageModelError, TrainerError

if TYPE_CHECKING:
    from app.vocabulary import Vocabulary
    from trainer.adaptation.adapt import Adaptation

_console = Console(stderr=True)
_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

TextPaths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[TEXTS]...",
        help="Text, Markdown, Word (.docx), PDF, SRT, VTT, the service's JSON; or folders of them.",
    ),
]
NamesFile = Annotated[
    Path | None,
    typer.Option(
        "--names", metavar="FILE", help="A name a line; each is likely wherever a name may stand."
    ),
]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What requests choose it by; default replaces the model's own.",
    ),
]
Language = Annotated[
    str | None,
    typer.Option("--language", metavar="CODE", help="Of the texts; the model's if not given."),
]


def run(arguments: Sequence[str]) -> None:
    """Runs `nordlyd adapt`; ends the process with its exit status.

    Raises:
        NordlydError: with one line for the user.
    """
    try:
        _app(list(arguments), prog_name="nordlyd adapt")
    except TrainerError as error:
        raise ConfigurationError(str(error)) from error


@_app.command()
def adapt(
    model: Annotated[str, typer.Argument(help="Id of the catalogue, folder or hub id.")],
    texts: TextPaths = None,
    *,
    names: NamesFile = None,
    name: Name = "adapted",
    language: Language = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a language model of your own texts and names, for requests with lm=NAME.

    It is a mixture with the model's own, in the model's folder. A running service
    has it at once. Nothing is changed, and the exit status is 1, where it would
    be no better than what is there.
    """
    made = adapt_model(model, texts or [], names=names, name=name, language=language)
    if as_json:
        print(json.dumps(made.as_dict(), ensure_ascii=False))
    else:
        print_adaptation(made)


def adapt_model(
    model: str,
    texts: Sequence[Path],
    *,
    names: Path | None,
    name: str,
    language: str | None,
) -> "Adaptation":
    """Makes a language model for a model of the catalogue, a folder or a hub id.

    Raises:
        LanguageModelError: as `adapt`; or the model's language is not known.
        NordlydError: the model is not on this machine.
    """
    from app.catalogue import Catalogue, locate  # noqa: PLC0415
    from trainer.adaptation.adapt import Request  # noqa: PLC0415
    from trainer.adaptation.adapt import adapt as make  # noqa: PLC0415

    settings = load_settings(os.environ)
    resolved = Catalogue.load(settings.catalogue, settings.target_langs).resolve(model)
    folder = locate(resolved, settings.store, allow_pull=False)
    languages = [language] if language else list(resolved.card.languages)
    if not languages:
        raise LanguageModelError(
            f"{model} does not state its language: give --language da, nb or nn"
        )
    request = Request(
        folder,
        lambda: _read_vocabulary(folder, resolved.card.target_lang),
        languages[0],
        tuple(texts),
        names,
        name,
        resolved.card.decoding.model_dump(exclude_none=True),
    )
    try:
        return make(request, notify=_notify)
    except PermissionError as error:
        raise LanguageModelError(f"{error.filename} cannot be written: {error.strerror}") from error


def _read_vocabulary(folder: Path, target_lang: str | None) -> "Vocabulary":
    from app.acoustic import read_outline  # noqa: PLC0415 - imports torch

    return read_outline(folder, target_lang).vocabulary


def print_adaptation(made: "Adaptation") -> None:
    """Prints what was made, for people."""
    facts: dict[str, Any] = made.as_dict()
    texts, out = facts["texts"], facts["held_out"]
    for document, count in texts["documents"].items():
        print(f"{document}: {count} sentences")
    for title, counts in (("written out", texts["written_out"]), ("left out", texts["dropped"])):
        if counts:
            print(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    if made.names is not None:
        print(f"names: {facts['names']['used']}")
    for name in facts["names"]["dropped"]:
        print(f"name without letters of the model: {name}")
    print(
        "mixture: " + ", ".join(f"{part} {100 * w:.3g} %" for part, w in facts["mixture"].items())
    )
    if out["after"] is not None:
        before = "none" if out["before"] is None else f"{out['before']['perplexity']:.1f}"
        print(
            f"perplexity of held-out sentences: {before} before, {out['after']['perplexity']:.1f}"
        )
    print(f"{facts['new_words']} new words; {facts['folder']}: use it as lm={facts['name']}")
    if facts["name"] == "default":
        print("a running service has it after a restart")
    if facts["former"] is not None:
        print(f"what was there is kept in {facts['former']}")


def _notify(line: str) -> None:
    _console.print(line, markup=False, highlight=False, soft_wrap=True)
