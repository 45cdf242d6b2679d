"""Aligns hypotheses with references, by words or by characters.

The alignment and the counts are jiwer's: substitutions, deletions and insertions of the
cheapest edit, divided by the length of the references.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jiwer

Kind = Literal["equal", "substitute", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive units with one kind of edit; `reference` or `hypothesis` may be empty.

    A substitution has as many units on both sides.
    """

    kind: Kind
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]

    @property
    def errors(self) -> int:
        """Number of edits."""
        if self.kind == "equal":
            return 0
        return max(len(self.reference), len(self.hypothesis))


@dataclass(frozen=True, slots=True)
class Alignment:
    """One hypothesis against its reference; `length` is the reference's, in units."""

    chunks: tuple[Chunk, ...]
    length: int
    errors: int

    @property
    def rate(self) -> float:
        """Errors by length; of an empty reference, the number of errors."""
        return self.errors / max(1, self.length)


def align_words(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[Alignment, ...]:
    """Aligns texts word by word."""
    return _alignments(jiwer.process_words(list(references), list(hypotheses)))


def align_characters(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[Alignment, ...]:
    """Aligns texts character by character, spaces included."""
    return _alignments(jiwer.process_characters(list(references), list(hypotheses)))


def error_rate(alignments: Sequence[Alignment]) -> float:
    """Returns all errors by the length of all references; of empty ones, the number of errors."""
    length = sum(item.length for item in alignments)
    return sum(item.errors for item in alignments) / max(1, length)


class ErrorRates:
    """Word and character error rate of what has alignments of both, one an utterance."""

    __slots__ = ()

    words: tuple[Alignment, ...]
    characters: tuple[Alignment, ...]

    @property
    def wer(self) -> float:
        """Word error rate: 0.05 is 5 %."""
        return error_rate(self.words)

    @property
    def cer(self) -> float:
        """Character error rate."""
        return error_rate(self.characters)


def _alignments(output: Any) -> tuple[Alignment, ...]:  # noqa: ANN401 - jiwer has no types
    return tuple(
        _alignment(reference, hypothesis, chunks)
        for reference, hypothesis, chunks in zip(
            output.references, output.hypotheses, output.alignments, strict=True
        )
    )


def _alignment(reference: list[str], hypothesis: list[str], found: list[Any]) -> Alignment:
    chunks = tuple(
        Chunk(
            chunk.type,
            tuple(reference[chunk.ref_start_idx : chunk.ref_end_idx]),
            tuple(hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in found
    )
    return Alignment(chunks, len(reference), sum(chunk.errors for chunk in chunks))
