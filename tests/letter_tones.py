"""Sentences, and a tone for each of their letters: what a model of a few weights can learn."""

import numpy as np

TEXTS = (
    "det er en prøve",
    "vi går på tur",
    "hun har en hest",
    "de er ikke her",
    "du kan komme nå",
    "om natten er det mørkt",
)


def tones_of(text: str) -> np.ndarray:
    """A tone for every letter, a tenth of a second each; float64 [samples] in -1..1 at 16 kHz."""
    pitches = np.repeat([200 + 37 * (ord(letter) % 60) for letter in text], 1600)
    return np.sin(2 * np.pi * np.cumsum(pitches) / 16000)


def waveform(text: str) -> np.ndarray:
    """The tones with a little noise, float32 [samples]."""
    wave = 0.2 * tones_of(text)
    return (wave + 0.01 * np.random.default_rng(5).standard_normal(len(wave))).astype(np.float32)
