"""Normalised columns for a beam search: the tokens of a vocabulary with equal meaning merged."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.decoding.native import load_library, normalised_columns
from app.decoding.types import Emissions
from app.vocabulary import Vocabulary

# pyctcdecode's lower bound of log-probabilities.
MIN_LOGP = float(np.log(1e-15))

Columns = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The meaning of the columns of a beam search.

    `labels` are the characters, with "" for the blank in column 0 and, where the vocabulary
    separates words, " " in column 1. `sources` are the vocabulary's indexes of each column,
    `column_of` int32 [vocabulary] the column of each index.

    Special tokens count as blank and every white-space token as the delimiter, as they do in
    `GreedyDecoder`. Tokens of the same text share a column.
    """

    labels: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]
    column_of: NDArray[np.int32]

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> "Alphabet":
        """Groups the tokens of a vocabulary into columns."""
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
        column_of = np.zeros(len(vocabulary), dtype=np.int32)
        for column, sources in enumerate(columns.values()):
            column_of[sources] = column
        return cls(tuple(columns), tuple(map(tuple, columns.values())), column_of)

    def columns(self, emissions: Emissions) -> Columns:
        """Returns emissions as float32 [frames, columns], each row normalised.

        Raises:
            ValueError: NaN, infinity, or a frame with no probability.
        """
        library = load_library()
        if library is not None and emissions.dtype in (np.float32, np.float16):
            columns, bad = normalised_columns(
                library,
                emissions.astype(np.float32, copy=False),
                self.column_of,
                len(self.labels),
                MIN_LOGP,
            )
        else:
            columns, bad = self._normalised(emissions)
        if bad is not None:
            raise not_finite(emissions, bad)
        return columns

    def _normalised(self, emissions: Emissions) -> tuple[Columns, int | None]:
        """Does the same as `normalised_columns`, in numpy and for any float type."""
        peaks = emissions.max(axis=1, keepdims=True, initial=-np.inf).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(peaks[:, 0]))
        if len(bad):
            return np.empty((0, len(self.labels)), dtype=np.float32), int(bad[0])
        values = emissions.astype(np.float64) - peaks
        merged = np.stack(
            [np.logaddexp.reduce(values[:, sources], axis=1) for sources in self.sources], axis=1
        )
        merged -= np.logaddexp.reduce(merged, axis=1, keepdims=True)
        return np.clip(merged, MIN_LOGP, 0.0).astype(np.float32), None


def not_finite(emissions: Emissions, frame: int) -> ValueError:
    """Returns the error for emissions with a frame that is no distribution."""
    return ValueError(
        f"emissions hold {emissions[frame].max()} in frame {frame}, "
        "must be finite log-probabilities"
    )
