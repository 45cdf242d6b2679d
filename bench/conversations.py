"""Conversations made of utterances of many voices: turns, pauses, overlap, level and room."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from app.audio import SAMPLE_RATE
from app.speakers import Turn
from bench.voices import Samples, Utterance

_OVERLAP_SHARE = 0.15
_INTERJECTION_SHARE = 0.08
_SHORTEST = 5
_NOISE = 0.06 * 10 ** (-30 / 20)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A made recording.

    Attributes:
        samples: float32 [samples] at 16 kHz.
        turns: who speaks when, in order of their starts.
        words: start, end and speaker of each word, as if all words of an utterance were alike.
    """

    samples: Samples
    turns: tuple[Turn, ...]
    words: tuple[Turn, ...]


def make_conversation(
    banks: Sequence[Sequence[Utterance]], seconds: float, seed: int
) -> Conversation:
    """Returns a conversation of all the voices.

    A turn is one to four utterances of a speaker. One turn in seven begins before the last one has
    ended, and during one utterance in twelve somebody else says a few words.

    Args:
        banks: the utterances of each speaker; at least two speakers.
        seconds: at least so long.
        seed: of everything that is drawn.
    """
    draw = np.random.default_rng(seed)
    mix = _Mix(banks, draw)
    first_round = [int(each) for each in draw.permutation(len(banks))]
    position, last = SAMPLE_RATE // 2, -1
    while position < seconds * SAMPLE_RATE or first_round:
        others = [each for each in range(len(banks)) if each != last]
        speaker = first_round.pop() if first_round else int(draw.choice(others))
        if last >= 0 and draw.random() < _OVERLAP_SHARE:
            position -= _pause(draw, 0.6, 1.5)
        for _ in range(int(draw.integers(1, 5))):
            end = mix.add(speaker, mix.any_of(speaker), position)
            if draw.random() < _INTERJECTION_SHARE:
                other = int(draw.choice([each for each in range(len(banks)) if each != speaker]))
                mix.add(other, mix.short_of(other), position + (end - position) // 3)
            position = end + _pause(draw, 0.25, 1.5)
        position += _pause(draw, 0.4, 3.0)
        last = speaker
    return mix.conversation()


class _Mix:
    """Utterances at their places, each with the level and the room of its speaker."""

    def __init__(self, banks: Sequence[Sequence[Utterance]], draw: np.random.Generator) -> None:
        self._banks = banks
        self._draw = draw
        self._rooms = [_room(draw) for _ in banks]
        self._levels = [10 ** (draw.normal(0, 3) / 20) for _ in banks]
        self._placed: list[tuple[int, Samples]] = []
        self._turns: list[Turn] = []
        self._words: list[Turn] = []

    def any_of(self, speaker: int) -> Utterance:
        return self._banks[speaker][int(self._draw.integers(len(self._banks[speaker])))]

    def short_of(self, speaker: int) -> Utterance:
        by_length = sorted(self._banks[speaker], key=lambda utterance: len(utterance.samples))
        return by_length[int(self._draw.integers(min(_SHORTEST, len(by_length))))]

    def add(self, speaker: int, utterance: Utterance, start: int) -> int:
        """Places an utterance; returns its end, in samples."""
        sound = self._levels[speaker] * fftconvolve(utterance.samples, self._rooms[speaker])
        self._placed.append((start, sound.astype(np.float32)))
        end = start + len(utterance.samples)
        self._turns.append(Turn(start / SAMPLE_RATE, end / SAMPLE_RATE, speaker))
        edges = np.linspace(start, end, utterance.words + 1) / SAMPLE_RATE
        self._words += [Turn(float(a), float(b), speaker) for a, b in itertools.pairwise(edges)]
        return end

    def conversation(self) -> Conversation:
        total = max(start + len(sound) for start, sound in self._placed) + SAMPLE_RATE // 2
        samples = self._draw.normal(0, _NOISE, total).astype(np.float32)
        for start, sound in self._placed:
            samples[start : start + len(sound)] += sound
        samples *= np.float32(0.9 / max(1.0, float(np.abs(samples).max())))
        return Conversation(samples, _in_order(self._turns), _in_order(self._words))


def _in_order(turns: list[Turn]) -> tuple[Turn, ...]:
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.speaker)))


def _pause(draw: np.random.Generator, mean: float, most: float) -> int:
    return round(min(draw.exponential(mean), most) * SAMPLE_RATE)


def _room(draw: np.random.Generator) -> npt.NDArray[np.float64]:
    """Returns an impulse response: the sound itself, and an echo of noise that dies away."""
    length = round(SAMPLE_RATE * draw.uniform(0.1, 0.4))
    decay = np.exp(-6.9 * np.arange(length) / length)
    response: npt.NDArray[np.float64] = draw.normal(0, 0.03, length) * decay
    response[0] = 1.0
    return response
