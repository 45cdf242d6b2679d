"""From the frames in which words are emitted to the times of their sound.

A CTC model emits a character in one or two frames somewhere within its sound, so the first
frame of a word comes after the word begins and its last frame well before it ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoundaryRule:
    """How far words reach beyond their frames, all in seconds.

    Attributes:
        gaps: lengths of the gap to the neighbouring word, ascending, at which `leads` and
            `tails` are given; in between they are interpolated, beyond they are constant.
        leads: how much earlier than its first frame a word starts.
        tails: how much later than its last frame a word ends.
        letter_leads: what to add to the lead of words that start with a letter.
        letter_tails: what to add to the tail of words that end with a letter.

    Raises:
        ValueError: lengths that do not fit together, or gaps that do not ascend.
    """

    gaps: tuple[float, ...] = (0.0,)
    leads: tuple[float, ...] = (0.0,)
    tails: tuple[float, ...] = (0.0,)
    letter_leads: Mapping[str, float] = field(default_factory=dict)
    letter_tails: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.gaps) == len(self.leads) == len(self.tails) > 0:
            raise ValueError("a boundary rule needs as many gaps as leads and tails, at least one")
        if any(later <= earlier for earlier, later in zip(self.gaps, self.gaps[1:], strict=False)):
            raise ValueError("the gaps of a boundary rule must ascend")
        letters = (*self.letter_leads.values(), *self.letter_tails.values())
        numbers = (*self.gaps, *self.leads, *self.tails, *letters)
        if not np.isfinite(numbers).all():
            raise ValueError("a boundary rule must hold finite numbers")


FRAMES_ONLY = BoundaryRule()
"""Words start with their first frame and end with their last one."""

GENERAL_RULE = BoundaryRule(
    gaps=(0.0, 0.06, 0.07), leads=(0.0, 0.018, 0.018), tails=(0.0, 0.036, 0.04)
)
"""For models without a calibration: fitted to three models at once, see docs/decoding.md."""


def place_words(
    first: Seconds,
    past: Seconds,
    words: Sequence[str],
    *,
    duration: float,
    rule: BoundaryRule = FRAMES_ONLY,
) -> tuple[Seconds, Seconds]:
    """Converts the frames in which words are emitted to the times of their sound.

    Times ascend, do not overlap and lie within the audio. Where the rule would make two words
    overlap, they meet in between. A word always contains the middle of its frames.

    Args:
        first: when each word's first frame begins, ascending, float64 [words], in seconds.
        past: when each word's last frame ends.
        words: as the vocabulary spells them; the rule depends on their first and last letters.
        duration: length of the audio in seconds.
        rule: how far words reach beyond their frames.

    Returns:
        Start and end of each word in seconds.
    """
    if len(first) == 0:
        return np.zeros(0), np.zeros(0)
    middle = (first + past) / 2
    between = first[1:] - past[:-1]
    far = rule.gaps[-1]
    leads = [rule.letter_leads.get(word[:1], 0.0) for word in words]
    tails = [rule.letter_tails.get(word[-1:], 0.0) for word in words]
    begin = first - np.interp(np.append(far, between), rule.gaps, rule.leads) - leads
    end = past + np.interp(np.append(between, far), rule.gaps, rule.tails) + tails
    begin, end = np.minimum(begin, middle), np.maximum(end, middle)
    meeting = np.clip((begin[1:] + end[:-1]) / 2, middle[:-1], middle[1:])
    clash = end[:-1] > begin[1:]
    begin[1:] = np.where(clash, meeting, begin[1:])
    end[:-1] = np.where(clash, meeting, end[:-1])
    return np.clip(begin, 0.0, duration), np.clip(end, 0.0, duration)
