"""Synthesises utterances with word times by a recipe; deterministic for a given seed.

Held-out speech is held out twice: its sentences by their hash, its voices by the recipe.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from trainer.data.record import Waveform
from trainer.data.store import SAMPLE_RATE, Pcm, Utterance
from trainer.recipe import SynthesisRecipe
from trainer.speech.augmentation import augment, change_speed
from trainer.speech.espeak import SpokenWord, espeak

_QUIET = 200  # of 32768: what espeak-ng leaves before and after speech
_OTHERS = 24  # sentences used as background
_WORDS_A_MINUTE = 175  # of every synthesiser at its own speed
_OWN_PITCH = 50


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence before anything happened to it; times are of `wave`, at 16 kHz."""

    wave: Waveform
    voice: str
    rate: int
    pitch: int
    starts: tuple[float, ...]
    ends: tuple[float, ...]


def utterances(
    sentences: Sequence[str], recipe: SynthesisRecipe, *, split: str, seed: int
) -> Iterator[tuple[Utterance, Pcm]]:
    """Speaks sentences of one split; yields the utterance and its int16 samples at 16 kHz.

    Voice, rate, pitch and all that happens to a sentence follow from the seed, the split and
    the sentence; the background is of the same split. espeak-ng's own flutter continues
    from sentence to sentence for as long as the process lives: the same bytes come out of the
    same calls in a new process. Utterances over `max_seconds` (before their speed is changed)
    are left out.

    Raises:
        SynthesisError: espeak-ng fails.
    """
    others = _others(sentences, recipe, split=split, seed=seed)
    for sentence in sentences:
        choice = random.Random(f"{seed}/{split}/{sentence}")
        spoken = speak(sentence, recipe, split, choice)
        before, after = (choice.uniform(*recipe.silence_seconds) for _ in range(2))
        if len(spoken.wave) / SAMPLE_RATE + before + after > recipe.max_seconds:
            continue
        generator = np.random.default_rng(choice.getrandbits(64))
        wave, factor = spoken.wave, 1.0
        done: tuple[str, ...] = ()
        if generator.random() < recipe.speed_share:
            factor, done = generator.uniform(*recipe.speed), ("speed",)
            wave = change_speed(wave, factor)
        wave = np.pad(wave, (round(before * SAMPLE_RATE), round(after * SAMPLE_RATE)))
        wave, later = augment(wave, recipe, generator, others)
        yield (
            Utterance(
                text=sentence,
                start=0,
                samples=len(wave),
                speaker=spoken.voice,
                rate=spoken.rate,
                pitch=spoken.pitch,
                word_starts=tuple(round(time / factor + before, 3) for time in spoken.starts),
                word_ends=tuple(round(time / factor + before, 3) for time in spoken.ends),
                augmentation=done + later,
            ),
            np.round(wave * 32767).astype(np.int16),
        )


def speak(sentence: str, recipe: SynthesisRecipe, split: str, choice: random.Random) -> Spoken:
    """Speaks a sentence with a voice of its split, without silence at either end.

    What Kokoro and Piper speak has no word times.

    Raises:
        SynthesisError: a synthesiser fails, or is not there.
    """
    others = recipe.kokoro_share + recipe.piper_share
    if split == "train" and others and (draw := choice.random()) < others:
        speak_with = _speak_with_kokoro if draw < recipe.kokoro_share else _speak_with_piper
        return speak_with(sentence, recipe, choice)
    variants = {
        "train": recipe.train_variants,
        "valid": recipe.valid_variants,
        "test": recipe.test_variants,
    }[split]
    variant = choice.choice(variants)
    voice = f"{recipe.voice}+{variant}" if variant else recipe.voice
    rates = _rates(recipe, split)
    rate, pitch = choice.randint(*rates), choice.randint(*recipe.pitch)
    speech = espeak().speak(
        sentence, voice=voice, rate=rate, pitch=pitch, seed=choice.getrandbits(31)
    )
    samples, offset = trim(speech.samples, speech.rate)
    seconds = len(samples) / speech.rate
    starts, ends = word_times(sentence, speech.words)
    return Spoken(
        wave=soxr.resample(samples.astype(np.float32) / 32768, speech.rate, SAMPLE_RATE),
        voice=voice,
        rate=rate,
        pitch=pitch,
        starts=tuple(min(max(0.0, time - offset), seconds) for time in starts),
        ends=tuple(min(max(0.0, time - offset), seconds) for time in ends),
    )


def _rates(recipe: SynthesisRecipe, split: str) -> tuple[int, int]:
    return (split == "train" and recipe.train_rate) or recipe.rate


def _speak_with_kokoro(sentence: str, recipe: SynthesisRecipe, choice: random.Random) -> Spoken:
    from trainer.speech.kokoro import RATE, kokoro  # noqa: PLC0415 - the extra `kokoro`

    synthesiser = kokoro()
    voice, rate = choice.choice(synthesiser.voices), choice.randint(*_rates(recipe, "train"))
    phonemes = espeak().phonemes(sentence, voice=recipe.voice)
    speech = synthesiser.speak(
        phonemes, language=recipe.voice, voice=voice, speed=rate / _WORDS_A_MINUTE
    )
    return _without_word_times(speech, RATE, voice=f"{recipe.voice}+kokoro-{voice}", rate=rate)


def _speak_with_piper(sentence: str, recipe: SynthesisRecipe, choice: random.Random) -> Spoken:
    from trainer.speech.piper import piper_voices  # noqa: PLC0415 - the extra `piper`

    speakers = [
        (voice, speaker)
        for voice in piper_voices(recipe.voice)
        for speaker in range(voice.speakers)
    ]
    (voice, speaker), rate = choice.choice(speakers), choice.randint(*_rates(recipe, "train"))
    phonemes = espeak().phonemes(sentence, voice=recipe.voice)
    speech = voice.speak(phonemes, speaker=speaker, speed=rate / _WORDS_A_MINUTE)
    name = f"{voice.name}-{speaker}" if voice.speakers > 1 else voice.name
    return _without_word_times(speech, voice.rate, voice=f"{recipe.voice}+piper-{name}", rate=rate)


def _without_word_times(speech: Waveform, sample_rate: int, *, voice: str, rate: int) -> Spoken:
    samples, _ = trim((speech.clip(-1, 1) * 32767).astype(np.int16), sample_rate)
    return Spoken(
        wave=soxr.resample(samples.astype(np.float32) / 32768, sample_rate, SAMPLE_RATE),
        voice=voice,
        rate=rate,
        pitch=_OWN_PITCH,
        starts=(),
        ends=(),
    )


def trim(samples: Pcm, rate: int) -> tuple[Pcm, float]:
    """Cuts the silence off both ends; returns the rest and the seconds cut off in front."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
    if not len(loud):
        return samples, 0.0
    return samples[loud[0] : loud[-1] + 1], float(loud[0] / rate)


def word_times(sentence: str, spoken: Sequence[SpokenWord]) -> tuple[list[float], list[float]]:
    """Returns one start and one end for each word of the sentence.

    espeak-ng sometimes reports a word in several parts, or two as one; a word without an
    event of its own has the times of the event before it.
    """
    starts: list[float] = []
    ends: list[float] = []
    for match in re.finditer(r"\S+", sentence):
        own = [word for word in spoken if match.start() <= word.position < match.end()]
        own = own or [word for word in spoken if word.position <= match.start()][-1:]
        starts.append(own[0].start if own else 0.0)
        ends.append(own[-1].end if own else 0.0)
    for index, later in enumerate(starts[1:]):
        if later > starts[index]:
            ends[index] = min(ends[index], later)
    return starts, ends


def _others(
    sentences: Sequence[str], recipe: SynthesisRecipe, *, split: str, seed: int
) -> list[Waveform]:
    """Returns the speech used as background: a few sentences of the same split."""
    choice = random.Random(f"{seed}/{split}/others")
    chosen = choice.sample(sentences, min(_OTHERS, len(sentences)))
    spoken = (speak(sentence, recipe, split, choice).wave for sentence in chosen)
    return [wave for wave in spoken if len(wave)]
