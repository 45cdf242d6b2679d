"""Normalises the text of a row by a recipe's filters, or gives the reason to drop it.

`strict` filters as the published recipe did, before the text is normalised and counting one
frame for a letter; `corrected` writes digits, signs and abbreviations out, and filters what the
model will be trained on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

from app.audio.frames import FrameGrid
from app.text import LETTERS, Mode, normalise, rejection
from trainer.data.store import SAMPLE_RATE
from trainer.recipe import Recipe
from trainer.text.written_out import is_inaudible, write_out

EMPTY = "empty text"
SHORT_TEXT = "text too short"
INAUDIBLE = "inaudible"
DIGITS = "digits"
ABBREVIATED = "unknown abbreviation"
UNKNOWN = "unknown character"
BROKEN = "broken audio"
SHORT = "audio too short"
LONG = "audio too long"
TIGHT = "text longer than its frames"

_KNOWN = frozenset(LETTERS + " ")
# The published vocabulary is made of the characters of the data; a mark such as <unk> is not one.
_MARKS = frozenset("<>")
# `bl.a.` and `www.nrk.no` would become words without their full stops.
_FULL_STOP = re.compile(r"[^\W\d_]\.[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Judged:
    """A normalised text, and why it cannot be trained on, or None where it can.

    `rules` has how often each rule wrote a part of it out.
    """

    text: str
    reason: str | None
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a recipe keeps; lengths in seconds, kernels and strides of the feature extractor."""

    mode: Mode
    min_letters: int
    min_seconds: float
    max_seconds: float
    kernels: tuple[int, ...]
    strides: tuple[int, ...]

    def text(self, published: str | None, language: str) -> Judged:
        """Normalises a text and decides whether it can be trained on.

        Args:
            published: as its source has it.
            language: da, nb, nn or no, for numbers and abbreviations.
        """
        if published is None or not published.strip():
            return Judged("", EMPTY)
        if self.mode == "strict":
            return self._strict(published)
        if is_inaudible(published):
            return Judged("", INAUDIBLE)
        written = write_out(published, language)
        reason = self._written_reason(written.text)
        text = "" if reason else normalise(written.text, mode=self.mode)
        return Judged(text, reason or self._reason(text, text), written.rules)

    def _strict(self, published: str) -> Judged:
        reason = rejection(published)
        if reason in {INAUDIBLE, DIGITS}:
            return Judged("", reason)
        text = normalise(published, mode=self.mode)
        return Judged(text, self._reason(text, published.strip()))

    def _written_reason(self, text: str) -> str | None:
        """Returns why a text that was written out still cannot be spoken as it is, or None."""
        reason = rejection(text)
        if reason in {INAUDIBLE, DIGITS}:
            return reason
        return ABBREVIATED if _FULL_STOP.search(text) else None

    def _reason(self, text: str, judged: str) -> str | None:
        if not text:
            return EMPTY
        if len(judged) < self.min_letters:
            return SHORT_TEXT
        return UNKNOWN if unknown_characters(text, self.mode) else None

    def audio(self, published: str, text: str, seconds: float) -> str | None:
        """Returns why audio of this length cannot be trained on with its text, or None."""
        strict = self.mode == "strict"
        # The published script kept what lies between the two limits, the limits themselves not.
        if seconds < self.min_seconds or (strict and seconds == self.min_seconds):
            return SHORT
        if seconds > self.max_seconds or (strict and seconds == self.max_seconds):
            return LONG
        samples = round(seconds * SAMPLE_RATE)
        if strict:
            fits = len(published) <= samples // prod(self.strides)
        else:
            fits = ctc_frames_needed(text) <= frames(samples, self.kernels, self.strides)
        return None if fits else TIGHT


def filters_of(recipe: Recipe) -> Filters:
    """Returns the filters of a recipe."""
    data, model = recipe.data, recipe.model
    return Filters(
        mode=data.normalisation,
        min_letters=data.min_letters,
        min_seconds=data.min_seconds,
        max_seconds=data.max_seconds,
        kernels=model.conv_kernel,
        strides=model.conv_stride,
    )


def unknown_characters(text: str, mode: Mode) -> set[str]:
    """Returns the characters of a normalised text that the vocabulary will not have."""
    letters = set(text)
    return letters & _MARKS if mode == "strict" else letters - _KNOWN


def frames(samples: int, kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Returns how many frames the feature extractor makes of so many samples."""
    return FrameGrid.of_convolutions(zip(kernels, strides, strict=True)).frames(samples)


def ctc_frames_needed(text: str) -> int:
    """Returns the fewest frames CTC can spell a text in: doubled letters need a blank between.

    Graves et al. 2006, "Connectionist temporal classification", section 3.1.
    """
    return len(text) + sum(one == other for one, other in pairwise(text))
