"""Writes the sections of a model card that describe its data."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

from trainer.card.facts import Facts
from trainer.card.text import LANGUAGES, bullets, counted, joined, paragraph
from trainer.data.sources import PUBLISHED

_SPLITS = {"train": "training", "valid": "validation", "test": "test"}


def data_section(facts: Facts) -> list[str]:
    """Returns the section on the training data, and on the dropped records and the reasons."""
    parts = ["## Data", _sources(facts)]
    if facts.provenance is not None:
        train, valid = facts.provenance.train, facts.provenance.valid
        parts.append(
            paragraph(
                f"The training had {train.utterances:,} utterances ({train.hours:,.2f} h) to learn "
                f"from, and {valid.utterances:,} ({valid.hours:,.2f} h) to be watched on."
            )
        )
    counts = facts.counts
    if counts is None:
        return parts
    parts.append(_splits(counts))
    if facts.synthesised and facts.recipe.synthesis is not None:
        settings = counts.get("settings") or asdict(facts.recipe.synthesis)
        parts.append(bullets(_synthesis(settings, counts, facts.recipe.language)))
    parts += _dropped(counts)
    if counts.get("packages"):
        parts += _packages(counts)
    return parts


def _sources(facts: Facts) -> str:
    if facts.synthesised:
        return paragraph(
            "Sentences from Debian packages, spoken by espeak-ng. The split of a sentence follows "
            "from a hash of it, so no test sentence was trained on, and neither was a test voice."
        )
    train, valid, test = (facts.sources(split) for split in ("train", "valid", "test"))
    sets = {source.rpartition("/")[0] for source in train}
    known = sorted(name for name in sets if name in PUBLISHED)
    licences = [
        f"`{PUBLISHED[name].repository}` ({PUBLISHED[name].licence}, as `{name}`)" for name in known
    ]
    sentences = [
        f"Trained on {joined(f'`{source}`' for source in train)}, validated on "
        f"{joined(f'`{source}`' for source in valid)}; set apart for tests: "
        f"{joined(f'`{source}`' for source in test)}."
    ]
    if licences:
        sentences.append(f"Published as {joined(licences)}.")
    if set(valid) & set(test):
        sentences.append(
            "**The training was watched on its test split, which flatters the test figures.**"
        )
    return paragraph(" ".join(sentences))


def _splits(counts: dict[str, Any]) -> str:
    lines = ["| split | utterances | hours |", "|---|---|---|"]
    for split, title in _SPLITS.items():
        if split in counts:
            found = counts[split]
            lines.append(f"| {title} | {found['utterances']:,} | {found['hours']:.2f} |")
    return "\n".join(lines)


def _synthesis(settings: Mapping[str, Any], counts: Mapping[str, Any], language: str) -> list[str]:
    """Returns items on the synthesis and its settings."""
    voice = f"the voice `{settings['voice']}`"
    if language not in {settings["voice"], "no"}:
        voice += f" (espeak-ng has none for {LANGUAGES.get(language, language)})"
    items = [
        f"Speech: {voice} in {len(settings['train_variants'])} variants, {settings['rate'][0]} to "
        f"{settings['rate'][1]} words a minute, pitch {settings['pitch'][0]} to "
        f"{settings['pitch'][1]} of 100. "
        f"Validation: {_variants(settings['valid_variants'])}. Test: "
        f"{_variants(settings['test_variants'])}."
    ]
    if done := counts.get("train", {}).get("augmentation"):
        items.append(
            f"Augmentations of the training utterances; several may apply to one: {counted(done)}."
        )
    elif share := settings.get("noise_share"):
        items.append(f"Noise in {100 * share:.0f} % of the utterances.")
    if numbers := counts.get("numbers", {}).get("train"):
        items.append(f"Training sentences with numbers, dates and times written out: {numbers:,}.")
    if everyday := counts.get("everyday", {}).get("train"):
        items.append(f"Everyday sentences for training, made by a grammar: {everyday:,}.")
    return items


def _variants(names: Iterable[str]) -> str:
    return joined(f"`{name}`" if name else "the voice itself" for name in names)


def _dropped(counts: dict[str, Any]) -> list[str]:
    parts: list[str] = []
    if counts.get("sentences"):
        found = counts["sentences"]
        translated = counts.get("translated") or 0
        more = f", {translated:,} of them translated by Apertium" if translated else ""
        parts.append(f"{sum(found.values()):,} distinct sentences were found{more}.")
    if counts.get("dropped"):
        parts.append(f"Dropped: {counted(counts['dropped'])}.")
    if counts.get("written_out"):
        parts.append(f"Written out as they are spoken: {counted(counts['written_out'])}.")
    if counts.get("dropped_translations"):
        parts.append(f"Translations dropped: {counted(counts['dropped_translations'])}.")
    for split, title in _SPLITS.items():
        if too_long := counts.get(split, {}).get("too_long"):
            parts.append(f"Spoken too long, {title}: {too_long:,}.")
    for split, seen in counts.get("seen_in_training", {}).items():
        if seen["texts"] or seen["speakers"]:
            parts.append(
                f"Of the {_SPLITS[split]} split, {seen['texts']:,} texts and {seen['speakers']:,} "
                "speakers are in the training split too."
            )
    return [paragraph(" ".join(parts))] if parts else []


def _packages(counts: dict[str, Any]) -> list[str]:
    # Debian's archives are called name_version_architecture, with %3a for the colon.
    named = [unquote(entry).split("_") for entry in counts["packages"]]
    listed = ", ".join(" ".join(parts[:2]) for parts in named)
    return [
        paragraph(
            "The sentences are from these Debian packages, each under its own free licence; the "
            f"text is not part of this repository: {listed}."
        )
    ]
