"""Transcribes a test set by several systems and aligns each text with its reference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.text import normalise
from trainer.comparison.system import Kind, System, Transcripts
from trainer.errors import DataError
from trainer.evaluation.alignment import Alignment, ErrorRates, align_characters, align_words
from trainer.evaluation.test_set import TestSet


@dataclass(frozen=True, slots=True)
class Result(ErrorRates):
    """What a system wrote, one text and two alignments an utterance.

    `with_digits` counts the texts with digits of utterances whose reference has none.
    """

    name: str
    kind: Kind
    transcripts: Transcripts
    texts: tuple[str, ...]
    words: tuple[Alignment, ...]
    characters: tuple[Alignment, ...]
    with_digits: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The results of at least two systems on a test set; the first is the baseline.

    `references` are normalised, one an utterance.
    """

    test_set: TestSet
    references: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return sum(record.seconds for record in self.test_set.records)


def compare(
    systems: Sequence[System],
    test_set: TestSet,
    *,
    notify: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Transcribes a test set by every system, one system after another.

    References and texts are normalised as in training, so that upper case and punctuation are no
    errors. Digits stay what they are.

    Args:
        systems: at least two.
        test_set: what to transcribe.
        notify: called with a line of progress.

    Raises:
        DataError: there is nothing to compare on, or audio that cannot be read.
        ComparisonError, NordlydError: as `System.transcribe`.
    """
    references = tuple(normalise(record.text) for record in test_set.records)
    if not any(references):
        raise DataError("there is nothing to compare on: no utterance has a text")
    results = []
    for system in systems:
        notify(f"{system.name}: transcribing {len(references):,} utterances")
        results.append(_result(system, system.transcribe(test_set.records), references))
    return Comparison(test_set, references, tuple(results))


def _result(system: System, transcripts: Transcripts, references: Sequence[str]) -> Result:
    texts = tuple(normalise(text) for text in transcripts.texts)
    digits = sum(
        _has_digits(text) and not _has_digits(reference)
        for text, reference in zip(texts, references, strict=True)
    )
    return Result(
        system.name,
        system.kind,
        transcripts,
        texts,
        align_words(references, texts),
        align_characters(references, texts),
        digits,
    )


def _has_digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text)
