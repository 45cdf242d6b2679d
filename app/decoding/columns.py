"""Emissions of a checkpoint in, normalised columns with one meaning each out, for a beam search."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.decoding.types import Emissions, check_emissions
from app.vocabulary import Vocabulary

# Below it pyctcdecode takes every probability to be this one.
MIN_LOGP = float(np.log(1e-15))

Columns = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What the columns of a beam search stand for.

    `labels` are the characters, with "" for the blank in column 0 and, where the vocabulary
    parts words, " " in column 1. `sources` are the vocabulary's indexes of each column.

    Special tokens count as blank and every white-space token as the delimiter, as they do in
    `GreedyDecoder`. Tokens of the same text share a column.
    """

    labels: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]
    size: int

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> "Alphabet":
        """Sort the tokens of a vocabulary into columns."""
        columns: dict[str, list[int]] = {"": [vocabulary.blank]}
        delimiters: list[int] = []
        texts: dict[str, list[int]] = {}
        for index, token in enumerate(vocabulary.tokens):
            if index == vocabulary.blank:
                continue
            if index in vocabulary.special or not token:
                columns[""].append(index)
            elif index == vocabulary.delimiter or token.isspace():
                delimiters.append(index)
            else:
                texts.setdefault(token, []).append(index)
        if delimiters:
            columns[" "] = delimiters
        columns |= texts
        return cls(tuple(columns), tuple(map(tuple, columns.values())), len(vocabulary))

    def columns(self, emissions: Emissions, *, frame_seconds: float, duration: float) -> Columns:
        """Check emissions and return them as float32 [frames, columns], each row normalised.

        Raises:
            ValueError: wrong shape or width, NaN, infinity, or a frame with no probability.
        """
        check_emissions(emissions, self.size, frame_seconds=frame_seconds, duration=duration)
        peaks = emissions.max(axis=1, keepdims=True, initial=-np.inf).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(peaks[:, 0]))
        if len(bad):
            raise ValueError(
                f"emissions hold {peaks[bad[0], 0]} in frame {bad[0]}, "
                "must be finite log-probabilities"
            )
        merged = np.empty((len(emissions), len(self.labels)), dtype=np.float64)
        for column, sources in enumerate(self.sources):
            merged[:, column] = emissions[:, sources[0]]
            for source in sources[1:]:
                np.logaddexp(
                    merged[:, column], emissions[:, source].astype(np.float64),
                    out=merged[:, column],
                )  # fmt: skip
        merged -= peaks
        merged -= np.log(np.exp(merged).sum(axis=1, keepdims=True))
        np.clip(merged, MIN_LOGP, 0.0, out=merged)
        return merged.astype(np.float32)
