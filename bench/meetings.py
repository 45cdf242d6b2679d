"""Synthesised recordings of sentences, whose transcripts differ from what is said."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
import soundfile

from app.text import normalise
from trainer.data.store import SAMPLE_RATE
from trainer.recipe import load_recipe
from trainer.segmentation import normalise_transcript
from trainer.speech.prepare import synthesis_of
from trainer.speech.synthesis import speak

_NOISE = 0.002


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence as it is said and as it is written; either may be empty."""

    said: str
    written: str


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word of a recording and its middle in seconds.

    `written` is whether it was written too, `alike` whether the whole sentence was.
    """

    text: str
    middle: float
    written: bool
    alike: bool


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

    A word that is said in a piece and not in its text counts as one that is wrong. Alike are the
    words of sentences that were written as they were said, matching all that are both said and
    written; of either the second number is of those that were kept.
    """

    kept: int = 0
    right: int = 0
    alike: int = 0
    alike_kept: int = 0
    matching: int = 0
    matching_kept: int = 0

    def add(self, made: Meeting, pieces: Sequence[tuple[float, float, str]]) -> None:
        """Counts the pieces of a meeting, each with its start, its end and its text."""
        for start, end, text in pieces:
            said = made.said_between(start, end)
            spoken = " ".join(word.text for word in said)
            hits = jiwer.process_words(spoken, text).hits if said else 0
            self.right += hits
            self.kept += max(len(said), len(text.split()))
            self.alike_kept += sum(word.alike for word in said)
            self.matching_kept += sum(word.written for word in said)
        self.alike += sum(word.alike for word in made.said)
        self.matching += sum(word.written for word in made.said)

    @property
    def right_share(self) -> float:
        """Of the words that were kept, those that are right."""
        return self.right / max(self.kept, 1)

    @property
    def kept_share(self) -> float:
        """Of the words of sentences that were written as they were said, those that were kept."""
        return self.alike_kept / max(self.alike, 1)

    @property
    def matching_kept_share(self) -> float:
        """Of all words that are both said and written, those that were kept."""
        return self.matching_kept / max(self.matching, 1)


def verbatim(sentences: Sequence[str]) -> list[Line]:
    """Returns lines that are written as they are said."""
    return [Line(sentence, sentence) for sentence in sentences]


def make_meeting(lines: Sequence[Line], *, language: str, seed: int) -> Meeting:
    """Speaks lines with pauses of 0.25 to 0.9 s and a little noise.

    Args:
        lines: spoken by the voices of the test split of the language's demo.
        language: da, nb or nn.
        seed: of voices, pauses and noise.
    """
    recipe = synthesis_of(load_recipe(f"demo-{language}"))
    choice = random.Random(seed)
    said: list[SaidWord] = []
    parts = [np.zeros(SAMPLE_RATE // 2, np.float32)]
    for line in lines:
        if not line.said:
            continue
        begin = sum(map(len, parts)) / SAMPLE_RATE
        spoken = speak(line.said, recipe, "test", choice)
        matching = _written(line, language)
        said += [
            SaidWord(word, begin + (start + end) / 2, written, all(matching))
            for word, start, end, written in zip(
                normalise(line.said).split(), spoken.starts, spoken.ends, matching, strict=True
            )
        ]
        pause = np.zeros(round(choice.uniform(0.25, 0.9) * SAMPLE_RATE), np.float32)
        parts += [spoken.wave, pause]
    wave = np.concatenate(parts)
    noise = np.random.default_rng(seed).normal(scale=_NOISE, size=len(wave))
    return Meeting(
        (wave + noise).astype(np.float32),
        tuple(said),
        tuple(line.written for line in lines if line.written),
    )


def _written(line: Line, language: str) -> list[bool]:
    """Returns which of the said words are written too, in the same order."""
    said = normalise(line.said).split()
    written = normalise_transcript([line.written], language).words
    flags = [False] * len(said)
    for first, _, count in SequenceMatcher(None, said, written, False).get_matching_blocks():
        flags[first : first + count] = [True] * count
    return flags
