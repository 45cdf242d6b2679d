"""Short sounds that differ by a seed, and how to write them down."""

import io

import numpy as np
import soundfile

RATE = 16_000


def tones(seed: int, seconds: float) -> np.ndarray:
    """Four tones a second at frequencies of the seed's, with faint noise: float32 [samples]."""
    generator = np.random.default_rng(seed)
    samples = generator.normal(0, 0.01, round(seconds * RATE))
    time = np.arange(RATE // 5) / RATE
    for start in range(0, len(samples) - len(time), RATE // 4):
        tone = 0.3 * np.sin(2 * np.pi * generator.uniform(150, 3_000) * time)
        samples[start : start + len(time)] += tone * np.hanning(len(time))
    return samples.astype(np.float32)


def as_wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A 16-bit mono WAV."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
