"""Writes a data folder of synthesised speech: sentences from packages, spoken by espeak-ng."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from trainer.data.store import Pcm, Utterance, write_split
from trainer.errors import CorpusError
from trainer.recipe import Recipe, SynthesisRecipe
from trainer.speech.synthesis import utterances
from trainer.text.corpus import Corpus, read_corpus

_REPORT_EVERY = 1000


def prepare(
    recipe: Recipe,
    output: Path,
    *,
    packages: Path | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Writes the splits of a recipe and `counts.json`; returns the counts.

    Args:
        recipe: what to extract and how to speak it.
        output: data folder.
        packages: where Debian archives are kept; default: `packages` in the output.
        notify: called with a line of progress.

    Raises:
        CorpusError: the recipe has no speech to synthesise, a package or Apertium cannot be
            had, or the text does not suffice.
        SynthesisError: espeak-ng fails.
    """
    synthesis = synthesis_of(recipe)
    required = required_sentences(synthesis)
    numbers = {split: round(count * synthesis.number_share) for split, count in required.items()}
    everyday = round(required["train"] * (synthesis.everyday_share or 0))
    corpus = read_corpus(
        recipe, packages or output / "packages", numbers=numbers, everyday=everyday, notify=notify
    )
    counts: dict[str, Any] = {
        "recipe": recipe.id,
        "packages": list(corpus.packages),
        "sentences": {split: len(corpus.sentences(split)) for split in required},
        "numbers": numbers,
        "everyday": {"train": len(corpus.everyday), "valid": len(corpus.development)},
        "translated": len(corpus.translated),
        "dropped": corpus.dropped,
        "dropped_translations": corpus.dropped_translations,
    }
    for split, count in required.items():
        chosen = choose(corpus, split, count, seed=recipe.seed)
        notify(f"speaking {len(chosen)} sentences of {split}")
        done: Counter[str] = Counter()
        started = monotonic()
        spoken = utterances(chosen, synthesis, split=split, seed=recipe.seed)
        written, seconds = write_split(output, split, _reported(spoken, done, len(chosen), notify))
        counts[split] = {
            "utterances": written,
            "hours": round(seconds / 3600, 2),
            "too_long": len(chosen) - written,
            "augmentation": dict(sorted(done.items())),
        }
        notify(
            f"{split}: {seconds / 3600:.2f} h, {seconds / (monotonic() - started):.0f}x real time"
        )
    text = json.dumps(counts | {"settings": asdict(synthesis)}, ensure_ascii=False, indent=2)
    (output / "counts.json").write_text(text + "\n", encoding="utf-8")
    return counts


def synthesis_of(recipe: Recipe) -> SynthesisRecipe:
    """Returns the [synthesis] part of a recipe.

    Raises:
        CorpusError: there is none.
    """
    if recipe.synthesis is None:
        raise CorpusError(f"{recipe.id} is trained on recordings; it has no [synthesis]")
    return recipe.synthesis


def required_sentences(synthesis: SynthesisRecipe) -> dict[str, int]:
    """Returns how many sentences each split is to have."""
    return {
        "train": synthesis.train_sentences,
        "valid": synthesis.valid_sentences,
        "test": synthesis.test_sentences,
    }


def choose(corpus: Corpus, split: str, required: int, *, seed: int) -> list[str]:
    """Returns at most `required` sentences of a split in an order drawn from the seed.

    Sentences from packages come first, translated ones fill up; all that were made up are in.

    Raises:
        CorpusError: the split is empty.
    """
    draw = random.Random(f"{seed}/{split}")
    made_up = list(corpus.made_up(split))[:required]
    found = draw.sample(corpus.found[split], len(corpus.found[split]))
    if split == "train":
        found += draw.sample(corpus.translated, len(corpus.translated))
    if not found:
        raise CorpusError(f"the recipe's packages hold no sentences for {split}")
    chosen = found[: required - len(made_up)] + made_up
    draw.shuffle(chosen)
    return list(dict.fromkeys(chosen))


def _reported(
    spoken: Iterable[tuple[Utterance, Pcm]],
    done: Counter[str],
    total: int,
    notify: Callable[[str], None],
) -> Iterator[tuple[Utterance, Pcm]]:
    for number, (utterance, samples) in enumerate(spoken, start=1):
        done.update(utterance.augmentation or ("none",))
        if number % _REPORT_EVERY == 0:
            notify(f"{number} of {total}")
        yield utterance, samples
