"""Writes README.md, the training curve, the log, the counts and the record into a model folder."""

import shutil

from trainer.card.curve import write_curve
from trainer.card.data import data_section
from trainer.card.evaluated import evaluated
from trainer.card.facts import COUNTS, LOG, Facts
from trainer.card.metadata import metadata, start
from trainer.card.text import LANGUAGES, bullets, joined, paragraph
from trainer.card.training import (
    CURVE,
    evaluation_results,
    model_section,
    training_section,
)
from trainer.evaluation.report.figures import language_model_line, method_line, percent
from trainer.evaluation.report.markdown import escape, results_table, table
from trainer.provenance import RUN_FILE
from trainer.recipe import Recipe

README = "README.md"


def write_card(facts: Facts) -> None:
    """Writes the card, and beside it the curve and the files that it is made from."""
    if facts.log:
        write_curve(facts.log, facts.id, facts.folder / CURVE)
    copied = ((LOG, facts.log_file), (COUNTS, facts.counts_file), (RUN_FILE, facts.run_file))
    for name, file in copied:
        if file is not None and file.resolve() != (facts.folder / name).resolve():
            shutil.copyfile(file, facts.folder / name)
    (facts.folder / README).write_text(card(facts), encoding="utf-8")


def card(facts: Facts) -> str:
    """Returns the card as Markdown."""
    parts = [
        metadata(facts),
        f"# {_title(facts)}",
        *_opening(facts),
        *evaluation_results(facts),
        *_results(facts),
        *_samples(facts),
        *_limits(facts),
        *model_section(facts),
        *data_section(facts),
        *training_section(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _title(facts: Facts) -> str:
    language = LANGUAGES.get(facts.recipe.language, facts.recipe.language)
    how = ", trained on synthesised speech" if facts.synthesised else ""
    return f"{facts.id}: {language}{how}"


def _opening(facts: Facts) -> list[str]:
    if facts.synthesised:
        return [
            paragraph(
                "**This model was trained on synthesised speech (espeak-ng) and does not "
                "understand people.** On a human voice nearly every word is wrong. It is for "
                "trying things out: the service, its answers, word times, long files."
            )
        ]
    sets = joined(f"`{source}`" for source in facts.sources("train"))
    return [paragraph(f"Trained from {start(facts)} on {sets}.")]


def _results(facts: Facts) -> list[str]:
    evaluation = facts.evaluation
    if evaluation is None:
        return []
    speakers = f", {evaluation['speakers']} speakers" if evaluation["speakers"] else ""
    found = evaluated(evaluation, facts.recipe)
    parts = [
        "## How well it does",
        paragraph(
            f"On {found.name}: {found.count:,} utterances, "
            f"{evaluation['seconds'] / 60:.0f} min{speakers}. That is {found.where}."
        ),
        results_table(evaluation),
    ]
    if evaluation["lm_difference"] is not None:
        parts.append(paragraph(language_model_line(evaluation)))
    parts.append(paragraph(method_line(evaluation)))
    if (facts.folder / "report.md").is_file():
        parts.append("`report.md` has the rates by length and speaker, and the worst utterances.")
    if found.synthesised:
        parts.append(
            paragraph(
                "The test text is of the same kind as the training text: help and messages of "
                "programs. The figures say nothing about speech by people or about other subjects."
            )
        )
    return parts


def _samples(facts: Facts) -> list[str]:
    found = facts.samples
    if found is None:
        return []
    titles = {"greedy": "written, greedy", "beam_lm": "written, with the language model"}
    shown = [item for item in found.decodings if item.name in titles]
    rows = [
        (utterance.reference, *(item.texts[place] for item in shown))
        for place, utterance in enumerate(found.utterances)
    ]
    return [
        "## Samples",
        paragraph(
            "What the model writes for the files in `samples/`, which were not chosen by result."
        ),
        table(("said", *(titles[item.name] for item in shown)), rows),
    ]


def _subjects(recipe: Recipe) -> str:
    if recipe.language_model is not None and recipe.language_model.mixture is not None:
        return "Special fields other than program help, and names."
    return "Words unlike those of program help, and names."


def _limits(facts: Facts) -> list[str]:
    recipe = facts.recipe
    items = ["It writes lower case without digits, punctuation or capitals."]
    if facts.synthesised:
        items = [
            "Speech by people: there was none in its training.",
            _subjects(recipe),
            *items,
            "Dialects: one synthesiser, one way of saying each word.",
        ]
        if recipe.synthesis and recipe.language not in {recipe.synthesis.voice, "no"}:
            name = LANGUAGES.get(recipe.language, recipe.language)
            items.append(f"The pronunciation of {name}: its text was read by another voice.")
    else:
        items.append("Speech unlike that of its training data will do worse.")
    if facts.language_model is None:
        items.append("Spelling where the sound does not decide it: there is no language model.")
    elif facts.evaluation is not None and facts.evaluation["beam_lm_wer"] is not None:
        final = percent(facts.evaluation["beam_lm_wer"])
        items.append(
            f"Words that its language model lacks: a WER of {final} is for text of the same kind."
        )
    # A demo's notes repeat its first lines.
    notes = facts.catalogue.notes if facts.catalogue and not facts.synthesised else ()
    return ["## What it cannot do", bullets([*items, *map(escape, notes)])]
