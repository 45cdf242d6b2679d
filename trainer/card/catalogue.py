"""Writes the figures of a model's evaluation into its `model.toml`."""

import json
import re

from app.catalogue import read_card
from app.catalogue.cards import CARD_NAME
from trainer.card.evaluated import evaluated
from trainer.card.facts import Facts
from trainer.card.metadata import start
from trainer.card.text import LANGUAGES
from trainer.evaluation.measure import TITLES
from trainer.model_toml import tables, with_value

SOURCE = "our evaluation, README.md"
_DIGITS = 4
_OTHER_CODES = {"nb": ["no"]}


def update_catalogue(facts: Facts, *, priority: int | None = None) -> None:
    """Writes our figures into `model.toml`; figures of others and all else stay as they are.

    A model that has no such file gets one.

    Args:
        facts: of the model.
        priority: which of several loaded models serves their language, see
            `app.catalogue.ModelCard`; None leaves what the file has.

    Raises:
        ConfigurationError: the file was not one the service can read.
    """
    path = facts.folder / CARD_NAME
    text = path.read_text(encoding="utf-8") if path.is_file() else _head(facts)
    text = re.sub(
        r"^recipe = .*$", f"recipe = {_quoted(facts.recipe.id)}", text, flags=re.MULTILINE
    )
    if priority is not None:
        text = with_value(text, "priority", str(priority))
    if facts.licence is not None:
        text = with_value(text, "licence", _quoted(facts.licence))
    if facts.provenance is not None:
        text = with_value(text, "base", _quoted(start(facts)))
    if facts.evaluation is not None:
        text = "".join(part for part in tables(text) if not _is_ours(part))
        text = "\n\n".join([text.rstrip(), *_figures(facts)]) + "\n"
    path.write_text(text, encoding="utf-8")
    read_card(path)


def _is_ours(table: str) -> bool:
    return table.startswith("[[figures]]") and f'"{SOURCE}"' in table


def _figures(facts: Facts) -> list[str]:
    evaluation = facts.evaluation or {}
    dataset = evaluated(evaluation, facts.recipe).full_name
    return [
        "\n".join(
            (
                "[[figures]]",
                f"dataset = {_quoted(dataset)}",
                f'metric = "{metric}"',
                f"value = {round(evaluation[f'{name}_{metric}'], _DIGITS)}",
                f"decoder = {_quoted(title)}",
                f"source = {_quoted(SOURCE)}",
            )
        )
        for name, title in TITLES.items()
        for metric in ("wer", "cer")
        if evaluation[f"{name}_{metric}"] is not None
    ]


def _head(facts: Facts) -> str:
    recipe = facts.recipe
    codes = [recipe.language, *_OTHER_CODES.get(recipe.language, [])]
    lines = [
        f"id = {_quoted(facts.id)}",
        f"title = {_quoted(f'{facts.id}, {LANGUAGES.get(recipe.language, recipe.language)}')}",
        f"base = {_quoted(start(facts))}",
        f"languages = {json.dumps(codes)}",
        f"parameters = {facts.parameters}",
        f"recipe = {_quoted(recipe.id)}",
    ]
    if facts.synthesised:
        warning = "Trained on synthesised speech only: on people nearly every word is wrong."
        lines.append(f"notes = [{_quoted(warning)}]")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A JSON string without escapes of letters is a TOML string too.
    return json.dumps(text, ensure_ascii=False)
