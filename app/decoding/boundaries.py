"""The frames in which words are emitted in, the times between which they are heard out.

A CTC model emits a character in one or two frames somewhere within its sound, so the first
frame of a word comes after the word begins and its last frame well before it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoundaryRule:
    """How far words reach beyond their frames, all in seconds.

    Attributes:
        gaps: lengths of the gap to the neighbouring word, ascending, at which `leads` and
            `tails` are given; in between they are interpolated, beyond they stay.
        leads: how much earlier than its first frame a word starts.
        tails: how much later than its last frame a word ends.
        token_leads: what to add to the lead for each token that a word starts with, by its
            index; empty: nothing.
        token_tails: the same for the token that a word ends with.

    Raises:
        ValueError: lengths that do not fit together, or gaps that do not ascend.
    """

    gaps: tuple[float, ...] = (0.0,)
    leads: tuple[float, ...] = (0.0,)
    tails: tuple[float, ...] = (0.0,)
    token_leads: tuple[float, ...] = ()
    token_tails: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.gaps) == len(self.leads) == len(self.tails) > 0:
            raise ValueError("a boundary rule needs as many gaps as leads and tails, at least one")
        if any(later <= earlier for earlier, later in zip(self.gaps, self.gaps[1:], strict=False)):
            raise ValueError("the gaps of a boundary rule must ascend")
        numbers = (*self.gaps, *self.leads, *self.tails, *self.token_leads, *self.token_tails)
        if not np.isfinite(numbers).all():
            raise ValueError("a boundary rule must hold finite numbers")


FRAMES_ONLY = BoundaryRule()
"""Words last from their first to their last frame."""

GENERAL_RULE = BoundaryRule(
    gaps=(0.0, 0.06, 0.07), leads=(0.0, 0.018, 0.018), tails=(0.0, 0.036, 0.04)
)
"""For models that nothing was fitted to: fitted to three models at once, see docs/decoding.md."""


def place_words(
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    *,
    frame_seconds: float,
    duration: float,
    rule: BoundaryRule = FRAMES_ONLY,
    first_tokens: Sequence[int] = (),
    last_tokens: Sequence[int] = (),
) -> tuple[Seconds, Seconds]:
    """Turn each word's first and one-past-last frame into its start and end in seconds.

    Times ascend, do not overlap and lie within the audio. Where the rule would have two words
    overlap, they meet in between. A word always holds the middle of its frames.

    Args:
        starts: first frame of each word, ascending, int64 [words].
        stops: one past the last frame of each word.
        frame_seconds: length of one frame in seconds.
        duration: length of the audio in seconds.
        rule: how far words reach beyond their frames.
        first_tokens: what each word starts with; only looked at by a rule about tokens.
        last_tokens: what each word ends with.
    """
    if len(starts) == 0:
        return np.zeros(0), np.zeros(0)
    first, past = starts * frame_seconds, stops * frame_seconds
    middle = (first + past) / 2
    far = rule.gaps[-1]
    between = first[1:] - past[:-1]
    begin = first - _reach(
        np.append(far, between), rule, rule.leads, rule.token_leads, first_tokens
    )
    end = past + _reach(np.append(between, far), rule, rule.tails, rule.token_tails, last_tokens)
    begin, end = np.minimum(begin, middle), np.maximum(end, middle)
    meeting = np.clip((begin[1:] + end[:-1]) / 2, middle[:-1], middle[1:])
    clash = end[:-1] > begin[1:]
    begin[1:] = np.where(clash, meeting, begin[1:])
    end[:-1] = np.where(clash, meeting, end[:-1])
    return np.clip(begin, 0.0, duration), np.clip(end, 0.0, duration)


def _reach(
    gaps: Seconds,
    rule: BoundaryRule,
    reaches: Sequence[float],
    token_reaches: Sequence[float],
    tokens: Sequence[int],
) -> Seconds:
    reach = np.interp(gaps, rule.gaps, reaches)
    if token_reaches and len(tokens):
        reach = reach + np.asarray(token_reaches)[np.asarray(tokens)]
    return np.asarray(reach, dtype=np.float64)
