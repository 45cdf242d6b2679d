"""A recipe in, a data folder out: packages to sentences, sentences to speech."""

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.data.store import write_split
from trainer.errors import CorpusError
from trainer.recipe import Recipe
from trainer.speech.synthesis import utterances
from trainer.text.packages import download, paragraphs
from trainer.text.sentences import Sentences, collect


def prepare(
    recipe: Recipe,
    output: Path,
    *,
    packages: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Write the splits of a recipe and `counts.json`; returns the counts.

    Args:
        recipe: what to extract and how to speak it.
        output: data folder.
        packages: where Debian archives are kept; default: `packages` in the output.
        say: called with a line of progress.

    Raises:
        CorpusError: a package cannot be had, or the text does not suffice.
        SynthesisError: espeak-ng fails.
    """
    archives = []
    for name in recipe.text.packages:
        say(f"package {name}")
        archives.append(download(name, packages or output / "packages"))
    say("reading sentences")
    sentences = collect(
        (text for archive in archives for text in paragraphs(archive, recipe.text.locales)),
        recipe.text,
    )
    counts: dict[str, Any] = {
        "recipe": recipe.id,
        "packages": [archive.stem for archive in archives],
        "sentences": {name: len(kept) for name, kept in sentences.splits.items()},
        "dropped": sentences.dropped,
    }
    for split, wanted in wanted_sentences(recipe).items():
        chosen = choose(sentences, split, wanted, seed=recipe.seed)
        say(f"speaking {len(chosen)} sentences of {split}")
        count, seconds = write_split(
            output, split, utterances(chosen, recipe.synthesis, split=split, seed=recipe.seed)
        )
        counts[split] = {"utterances": count, "hours": round(seconds / 3600, 2)}
    text = json.dumps(counts | {"settings": asdict(recipe.synthesis)}, ensure_ascii=False, indent=2)
    (output / "counts.json").write_text(text + "\n", encoding="utf-8")
    return counts


def wanted_sentences(recipe: Recipe) -> dict[str, int]:
    """Return how many sentences each split is to have."""
    numbers = recipe.synthesis
    return {
        "train": numbers.train_sentences,
        "valid": numbers.valid_sentences,
        "test": numbers.test_sentences,
    }


def choose(sentences: Sentences, split: str, wanted: int, *, seed: int) -> list[str]:
    """Return at most `wanted` sentences of a split, drawn at random from the seed.

    Raises:
        CorpusError: the split is empty.
    """
    kept = list(sentences.splits[split])
    if not kept:
        raise CorpusError(f"the recipe's packages hold no sentences for {split}")
    random.Random(f"{seed}/{split}").shuffle(kept)
    return kept[:wanted]
