"""Greedy decoding: the words along the most probable path.

Greedy (best-path) CTC decoding after Graves et al. 2006, "Connectionist Temporal
Classification", section 3.2: the best token of every frame, repeats collapsed, blanks dropped.
Loops run over words and characters, never over frames.
"""

import numpy as np
from numpy.typing import NDArray

from app.contract.answers import Word
from app.decoding.types import Emissions, Hypothesis, check_emissions
from app.vocabulary import Vocabulary

_SILENT, _DELIMITER, _TEXT = 0, 1, 2


class GreedyDecoder:
    """Best-path CTC decoder for one vocabulary.

    Words are separated by delimiters, or by tokens that are white space; a vocabulary with neither
    gives a single word. Special tokens, [UNK] among them, never become text, but like a blank they
    separate two equal characters.

    A word starts with the first frame of its first character and ends one past the last frame
    of its last one. Its confidence is the geometric mean over its characters of the highest
    probability each reaches in its run of frames: it does not fall with the word's length, and
    one doubtful character pulls it down.

    Args:
        vocabulary: tokens of the checkpoint.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._tokens = vocabulary.tokens
        kinds = np.full(len(vocabulary), _TEXT, dtype=np.int8)
        for index, token in enumerate(vocabulary.tokens):
            if index == vocabulary.blank or index in vocabulary.special or not token:
                kinds[index] = _SILENT
            elif index == vocabulary.delimiter or token.isspace():
                kinds[index] = _DELIMITER
        self._kinds = kinds

    def decode(self, emissions: Emissions, *, frame_seconds: float, duration: float) -> Hypothesis:
        """Returns the words along the best path.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities; 0 frames
                give an empty hypothesis.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; times beyond it are cut to it.

        Returns:
            A hypothesis whose score is the log-probability of the best path.

        Raises:
            ValueError: wrong shape or width, NaN, infinity, or a frame with no probability.
        """
        check_emissions(
            emissions, len(self._tokens), frame_seconds=frame_seconds, duration=duration
        )
        if len(emissions) == 0:
            return Hypothesis("", (), 0.0)
        path = emissions.argmax(axis=1)
        # argmax returns the first NaN of a row and prefers +inf, so the peaks show both.
        peaks = emissions[np.arange(len(path)), path].astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(peaks))
        if len(bad):
            raise ValueError(
                f"emissions hold {peaks[bad[0]]} in frame {bad[0]}, "
                "must be finite log-probabilities"
            )
        starts = np.flatnonzero(np.concatenate(([True], path[1:] != path[:-1])))
        stops = np.append(starts[1:], len(path))
        tokens = path[starts]
        run_peaks = np.maximum.reduceat(peaks, starts)
        kinds = self._kinds[tokens]
        word_of_run = np.cumsum(kinds == _DELIMITER)
        text_runs = np.flatnonzero(kinds == _TEXT)
        words = self._words(
            tokens[text_runs],
            word_of_run[text_runs],
            np.minimum(starts[text_runs] * frame_seconds, duration),
            np.minimum(stops[text_runs] * frame_seconds, duration),
            run_peaks[text_runs],
        )
        return Hypothesis(" ".join(word.word for word in words), words, float(peaks.sum()))

    def _words(
        self,
        tokens: NDArray[np.intp],
        word_ids: NDArray[np.intp],
        starts: NDArray[np.float64],
        stops: NDArray[np.float64],
        log_peaks: NDArray[np.float64],
    ) -> tuple[Word, ...]:
        """Groups characters, one of each array's entries a character, into words."""
        if len(tokens) == 0:
            return ()
        firsts = np.flatnonzero(np.concatenate(([True], word_ids[1:] != word_ids[:-1])))
        ends = np.append(firsts[1:], len(tokens))
        means = np.add.reduceat(log_peaks, firsts) / (ends - firsts)
        confidences = np.exp(np.minimum(means, 0.0))
        pieces = [self._tokens[token] for token in tokens.tolist()]
        return tuple(
            Word("".join(pieces[first:end]), start, stop, confidence)
            for first, end, start, stop, confidence in zip(
                firsts.tolist(),
                ends.tolist(),
                starts[firsts].tolist(),
                stops[ends - 1].tolist(),
                confidences.tolist(),
                strict=True,
            )
        )
