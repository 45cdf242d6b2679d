"""The interface between `BeamDecoder` and an implementation of the beam search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.decoding.columns import Columns
from app.decoding.types import DecodingOptions, Emissions


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hypothesis of a search.

    `starts` and `stops` are the first frame of each word and the one past its last on the most
    probable path of the words; `posteriors` the geometric means over a word's letters of the
    highest probability each reaches there. `score` is the combined one.
    """

    words: tuple[str, ...]
    starts: Sequence[int]
    stops: Sequence[int]
    posteriors: Sequence[float]
    score: float


class Backend(Protocol):
    """A beam search over one alphabet, with or without a language model; safe for threads."""

    def search(self, emissions: Emissions, options: DecodingOptions) -> list[Candidate]:
        """Returns the candidates, best first.

        Args:
            emissions: float array [frames, vocabulary], at least one frame.
            options: resolved; hotwords are single words.

        Raises:
            ValueError: NaN, infinity, or a frame with no probability.
            JobCancelledError: the job was cancelled (`app.decoding.scheduling`).
            DeadlineExceededError: its deadline passed.
        """
        ...


@dataclass(frozen=True, slots=True)
class LibraryHypothesis:
    """A library's hypothesis; `frames` are roughly the first of each word and one past its last."""

    words: tuple[str, ...]
    frames: tuple[tuple[int, int], ...]
    score: float


class Library(Protocol):
    """A library that searches normalised columns; safe for threads."""

    def search(self, columns: Columns, options: DecodingOptions) -> list[LibraryHypothesis]:
        """Returns the hypotheses, best first.

        Args:
            columns: float32 [frames, labels], rows normalised; at least one frame.
            options: resolved; hotwords are single words.
        """
        ...
