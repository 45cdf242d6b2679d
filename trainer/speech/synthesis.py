"""Sentences and a recipe in, utterances with word times out; deterministic from the seed.

Held-out speech is held out twice: its sentences by their hash, its voices by the recipe.
"""

import random
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import soxr

from trainer.data.store import SAMPLE_RATE, Pcm, Utterance
from trainer.recipe import SynthesisRecipe
from trainer.speech.espeak import espeak

Wave = npt.NDArray[np.float32]

_QUIET = 200  # of 32768: what espeak-ng leaves before and after speech
_FULL_SCALE = 32000


def utterances(
    sentences: Sequence[str], recipe: SynthesisRecipe, *, split: str, seed: int
) -> Iterator[tuple[Utterance, Pcm]]:
    """Speak sentences of one split; yields the utterance and its int16 samples at 16 kHz.

    Voice, rate, pitch and noise of a sentence follow from the seed, the split and the sentence
    alone. espeak-ng's own flutter goes on from sentence to sentence for as long as the process
    lives: the same bytes come out of the same calls in a new process. Utterances over
    `max_seconds` are left out.
    """
    speaker = espeak()
    variants = {
        "train": recipe.train_variants,
        "valid": recipe.valid_variants,
        "test": recipe.test_variants,
    }[split]
    for sentence in sentences:
        choice = random.Random(f"{seed}/{split}/{sentence}")
        variant = choice.choice(variants)
        voice = f"{recipe.voice}+{variant}" if variant else recipe.voice
        rate, pitch = choice.randint(*recipe.rate), choice.randint(*recipe.pitch)
        speech = speaker.speak(
            sentence, voice=voice, rate=rate, pitch=pitch, seed=choice.getrandbits(31)
        )
        samples, offset = trim(speech.samples, speech.rate)
        before, after = (choice.uniform(*recipe.silence_seconds) for _ in range(2))
        wave = soxr.resample(samples.astype(np.float32) / 32768, speech.rate, SAMPLE_RATE)
        wave = np.pad(wave, (round(before * SAMPLE_RATE), round(after * SAMPLE_RATE)))
        if len(wave) > recipe.max_seconds * SAMPLE_RATE:
            continue
        shift = before - offset
        wave = augment(wave, recipe, choice)
        starts = word_starts(sentence, speech.word_starts)
        yield (
            Utterance(
                text=sentence,
                start=0,
                samples=len(wave),
                speaker=voice,
                rate=rate,
                pitch=pitch,
                word_starts=tuple(round(max(0.0, start + shift), 3) for start in starts),
            ),
            (wave * 32768).astype(np.int16),
        )


def trim(samples: Pcm, rate: int) -> tuple[Pcm, float]:
    """Cut the silence off both ends; returns the rest and the seconds cut off in front."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
    if not len(loud):
        return samples, 0.0
    return samples[loud[0] : loud[-1] + 1], float(loud[0] / rate)


def word_starts(sentence: str, events: Sequence[tuple[int, float]]) -> list[float]:
    """Return one start for each word from espeak-ng's (character position, seconds) events.

    espeak-ng sometimes reports a word in several parts, or two as one; a word without an
    event of its own begins where the event before it did.
    """
    starts: list[float] = []
    for match in re.finditer(r"\S+", sentence):
        within = [start for place, start in events if match.start() <= place < match.end()]
        earlier = [start for place, start in events if place <= match.start()]
        starts.append(within[0] if within else max(earlier, default=0.0))
    return starts


def augment(wave: Wave, recipe: SynthesisRecipe, choice: random.Random) -> Wave:
    """Change the level and, in `noise_share` of the cases, add white or pink noise."""
    wave = wave * 10 ** (choice.uniform(*recipe.gain_db) / 20)
    if choice.random() < recipe.noise_share:
        generator = np.random.default_rng(choice.getrandbits(64))
        noise = generator.standard_normal(len(wave)).astype(np.float32)
        if choice.random() < 0.5:  # noqa: PLR2004 - as often pink as white
            noise = pink(noise)
        snr = choice.uniform(*recipe.noise_snr_db)
        level = np.sqrt(np.mean(wave**2) / np.mean(noise**2)) * 10 ** (-snr / 20)
        wave = wave + level * noise
    peak = float(np.max(np.abs(wave), initial=0.0))
    limit = _FULL_SCALE / 32768
    return (wave * min(1.0, limit / peak) if peak else wave).astype(np.float32)


def pink(white: Wave) -> Wave:
    """Shape white noise to fall by 3 dB an octave, by weighting its spectrum."""
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(np.arange(len(spectrum)) + 1.0)
    return np.fft.irfft(spectrum, n=len(white)).astype(np.float32)
