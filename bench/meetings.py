"""Synthesised recordings of sentences, whose transcripts lack some and have others besides."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
import soundfile

from trainer.data.store import SAMPLE_RATE
from trainer.recipe import load_recipe
from trainer.speech.prepare import synthesis_of
from trainer.speech.synthesis import speak

_NOISE = 0.002


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word of a recording and its middle in seconds; `written` is whether it was written too."""

    text: str
    middle: float
    written: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """Sentences one after another, float32 at 16 kHz; `written` is its transcript."""

    wave: npt.NDArray[np.float32]
    said: tuple[SaidWord, ...]
    written: tuple[str, ...]

    def said_between(self, start: float, end: float) -> list[SaidWord]:
        """Returns the words of a part."""
        return [word for word in self.said if start <= word.middle < end]

    def save(self, recording: Path, transcript: Path) -> None:
        """Writes both files, each sentence a line with a capital and a full stop."""
        soundfile.write(recording, self.wave, SAMPLE_RATE)
        lines = "\n".join(f"{line.capitalize()}." for line in self.written)
        transcript.write_text(lines, encoding="utf-8")


@dataclass(slots=True)
class Tally:
    """Counts of words: those of pieces, the right ones of them, and the matching ones kept.

    A word that is said in a piece and not in its text counts as one that is wrong; matching are
    those that are both said and written.
    """

    kept: int = 0
    right: int = 0
    covered: int = 0
    matching: int = 0

    def add(self, made: Meeting, pieces: Sequence[tuple[float, float, str]]) -> None:
        """Counts the pieces of a meeting, each with its start, its end and its text."""
        for start, end, text in pieces:
            said = made.said_between(start, end)
            spoken = " ".join(word.text for word in said)
            hits = jiwer.process_words(spoken, text).hits if said else 0
            self.right += hits
            self.kept += max(len(said), len(text.split()))
            self.covered += sum(word.written for word in said)
        self.matching += sum(word.written for word in made.said)

    @property
    def right_share(self) -> float:
        """Of the words that were kept, those that are right."""
        return self.right / max(self.kept, 1)

    @property
    def kept_share(self) -> float:
        """Of the words that are both said and written, those that were kept."""
        return self.covered / max(self.matching, 1)


def make_meeting(
    sentences: Sequence[str],
    *,
    language: str,
    seed: int,
    not_written: Collection[int] = (),
    not_said: Mapping[int, str] | None = None,
) -> Meeting:
    """Speaks sentences with pauses of 0.25 to 0.9 s and a little noise.

    Args:
        sentences: spoken by the voices of the test split of the language's demo.
        language: da, nb or nn.
        seed: of voices, pauses and noise.
        not_written: places of sentences that the transcript lacks.
        not_said: what the transcript has besides, after the sentence of a place.
    """
    recipe = synthesis_of(load_recipe(f"demo-{language}"))
    choice = random.Random(seed)
    said: list[SaidWord] = []
    written: list[str] = []
    parts = [np.zeros(SAMPLE_RATE // 2, np.float32)]
    for place, sentence in enumerate(sentences):
        begin = sum(map(len, parts)) / SAMPLE_RATE
        spoken = speak(sentence, recipe, "test", choice)
        said += [
            SaidWord(word, begin + (start + end) / 2, place not in not_written)
            for word, start, end in zip(sentence.split(), spoken.starts, spoken.ends, strict=True)
        ]
        pause = np.zeros(round(choice.uniform(0.25, 0.9) * SAMPLE_RATE), np.float32)
        parts += [spoken.wave, pause]
        if place not in not_written:
            written.append(sentence)
        if not_said and place in not_said:
            written.append(not_said[place])
    wave = np.concatenate(parts)
    noise = np.random.default_rng(seed).normal(scale=_NOISE, size=len(wave))
    return Meeting((wave + noise).astype(np.float32), tuple(said), tuple(written))
