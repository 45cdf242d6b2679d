"""Divides a recording into phrases: what was said between two pauses.

A pause is where the model reads no letter for a while and the sound is quiet. Only there a
recording may be cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.audio import SAMPLE_RATE
from app.contract.answers import Word
from app.decoding.align.anchors import GreedyTokens
from app.text import normalise
from app.vocabulary import Vocabulary
from trainer.data import Waveform

_MIN_PAUSE = 0.2  # seconds without a letter
_QUIET_DECIBELS = 10.0  # below the speech
_BLOCK = SAMPLE_RATE // 100
_QUIET_BLOCKS = 8  # what has to be quiet within a pause
_SILENCE = 1e-5
_TIE_DECIBELS = 3.0


@dataclass(frozen=True, slots=True)
class Phrase:
    """What was said between two pauses; times in seconds.

    Attributes:
        start: where the recording may be cut before it.
        end: where it may be cut after it.
        first: its first letter.
        last: the end of its last letter.
        letters: what the model reads in it, without a language model and without spaces.
        text: the words that the model's decoder reads in it.
    """

    start: float
    end: float
    first: float
    last: float
    letters: str
    text: str

    @property
    def readings(self) -> tuple[str, ...]:
        """What was read, by letters and by words, without spaces."""
        return tuple(dict.fromkeys((self.letters, "".join(self.text.split()))))


def find_phrases(
    letters: GreedyTokens,
    words: Sequence[Word],
    wave: Waveform,
    vocabulary: Vocabulary,
    frame_seconds: float,
) -> list[Phrase]:
    """Returns the phrases of a recording in their order.

    Args:
        letters: of the best path.
        words: of the model's decoder.
        wave: the recording, float32 [samples] at 16 kHz.
        vocabulary: of the model.
        frame_seconds: length of a frame.
    """
    if not len(letters.tokens):
        return []
    starts, stops = letters.starts * frame_seconds, letters.stops * frame_seconds
    cuts = _cuts(starts, stops, wave)
    middles = (starts + stops) / 2
    word_middles = np.array([(word.start + word.end) / 2 for word in words])
    edges = [0.0, *cuts, len(wave) / SAMPLE_RATE]
    phrases = []
    for start, end in pairwise(edges):
        own = np.flatnonzero((middles >= start) & (middles < end))
        if not len(own):
            continue
        spelled = "".join(vocabulary.tokens[letters.tokens[place]] for place in own)
        read = [words[place].word for place in np.flatnonzero(_within(word_middles, start, end))]
        phrases.append(
            Phrase(
                start,
                end,
                float(starts[own[0]]),
                float(stops[own[-1]]),
                "".join(normalise(spelled).split()),
                normalise(" ".join(read)),
            )
        )
    return phrases


def _within(times: NDArray[np.float64], start: float, end: float) -> NDArray[np.bool_]:
    return (times >= start) & (times < end)


def _cuts(starts: NDArray[np.float64], stops: NDArray[np.float64], wave: Waveform) -> list[float]:
    """Returns the middle of the quietest part of each pause, in seconds."""
    levels = _levels(wave)
    speech = np.median(levels[_blocks((starts + stops) / 2, len(levels))])
    cuts = []
    for place in np.flatnonzero(starts[1:] - stops[:-1] >= _MIN_PAUSE):
        first, past = _blocks(np.array([stops[place], starts[place + 1]]), len(levels))
        within = levels[first:past]
        if len(within) < _QUIET_BLOCKS:
            continue
        loudest = np.lib.stride_tricks.sliding_window_view(within, _QUIET_BLOCKS).max(axis=1)
        if loudest.min() > speech - _QUIET_DECIBELS:
            continue
        quiet = np.flatnonzero(loudest <= loudest.min() + _TIE_DECIBELS)
        middle = first + quiet[len(quiet) // 2] + _QUIET_BLOCKS / 2
        cuts.append(float(middle * _BLOCK / SAMPLE_RATE))
    return cuts


def _levels(wave: Waveform) -> NDArray[np.float64]:
    """Returns the level of each block of 10 ms in decibels."""
    count = max(len(wave) // _BLOCK, 1)
    blocks = np.resize(wave, count * _BLOCK).reshape(count, _BLOCK)
    power = np.mean(np.square(blocks, dtype=np.float64), axis=1)
    levels: NDArray[np.float64] = 10 * np.log10(power + _SILENCE**2)
    return levels


def _blocks(seconds: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = (seconds * SAMPLE_RATE / _BLOCK).astype(np.int64)
    return np.minimum(found, count - 1)
