"""The seam between our decoder and a library that searches a beam."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.decoding.columns import Columns


@dataclass(frozen=True, slots=True)
class Search:
    """What one search is to do; the fields are those of `BeamOptions`, with nothing left open.

    `hotwords` are single words with weights other than 0. With `prune_history` readings that
    differ only in what the language model no longer sees are one: right for the best reading,
    too few for several. `n_best` is how many candidates are wanted.
    """

    beam_width: int
    alpha: float
    beta: float
    prune_logp: float
    min_token_logp: float
    hotwords: Mapping[str, float]
    prune_history: bool
    n_best: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of a search.

    `frames` has the first frame of each word and the one past its last, roughly where there are
    no `posteriors`; those are the geometric means over a word's letters of the highest
    probability each reaches on the word's most probable path. `score` is the combined one.
    """

    words: tuple[str, ...]
    frames: tuple[tuple[int, int], ...]
    score: float
    posteriors: tuple[float, ...] | None = None


class Backend(Protocol):
    """A beam search over one alphabet, with or without a language model; safe for threads."""

    def search(self, columns: Columns, search: Search) -> list[Candidate]:
        """Return the candidates, best first.

        Args:
            columns: float32 [frames, labels], rows normalised; at least one frame.
            search: what to do.
        """
        ...
