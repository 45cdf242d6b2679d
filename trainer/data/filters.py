"""Normalises the text of a row by a recipe's filters, or gives the reason to drop it.

`strict` filters as the published recipe did, before the text is normalised and counting one
frame for a letter; `corrected` filters what the model will be trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from app.audio.frames import FrameGrid
from app.text import LETTERS, Mode, normalise, rejection
from trainer.data.store import SAMPLE_RATE
from trainer.recipe import Recipe

EMPTY = "empty text"
SHORT_TEXT = "text too short"
UNKNOWN = "unknown character"
BROKEN = "broken audio"
SHORT = "audio too short"
LONG = "audio too long"
TIGHT = "text longer than its frames"

_KNOWN = frozenset(LETTERS + " ")
# The published vocabulary is made of the characters of the data; a mark such as <unk> is not one.
_MARKS = frozenset("<>")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a recipe keeps; lengths in seconds, kernels and strides of the feature extractor."""

    mode: Mode
    min_letters: int
    min_seconds: float
    max_seconds: float
    kernels: tuple[int, ...]
    strides: tuple[int, ...]

    def text(self, published: str | None) -> tuple[str, str | None]:
        """Returns the normalised text, and why it cannot be trained on, or None where it can."""
        if published is None or not published.strip():
            return "", EMPTY
        reason = rejection(published)
        if reason in ("inaudible", "digits"):
            return "", reason
        text = normalise(published, mode=self.mode)
        if not text:
            return "", EMPTY
        judged = published.strip() if self.mode == "strict" else text
        if len(judged) < self.min_letters:
            return text, SHORT_TEXT
        if unknown_characters(text, self.mode):
            return text, UNKNOWN
        return text, None

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
