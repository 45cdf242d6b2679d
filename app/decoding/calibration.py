"""Calibration of the times and confidences of words, and of the scores of hypotheses.

All are fitted to a model on validation speech by `python -m trainer calibrate` and kept with it
in `calibration.json`: for each decoder a curve from a word's posterior to the proportion of such
words that are right, and its usual score; and a rule from frames to boundaries. A CTC model
emits a character in one or two frames somewhere within its sound, so the first frame of a word
comes after the word begins and its last frame well before it ends.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.decoding.types import Hypothesis
from app.errors import ConfigurationError

CALIBRATION_NAME = "calibration.json"
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


@dataclass(frozen=True, slots=True)
class Curve:
    """A monotone curve from the posterior of a word to the probability that it is right.

    Attributes:
        posteriors: ascending, in 0..1.
        shares: proportion of right words at each, not decreasing, in 0..1; linear in between.

    Raises:
        ValueError: the numbers are out of range or not in order.
    """

    posteriors: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.posteriors) != len(self.shares) or not self.posteriors:
            raise ValueError("a curve needs as many shares as posteriors, at least one")
        if not all(0 <= number <= 1 for number in (*self.posteriors, *self.shares)):
            raise ValueError("a curve's posteriors and shares must be 0 to 1")
        if (np.diff(self.posteriors) <= 0).any() or (np.diff(self.shares) < 0).any():
            raise ValueError("a curve's posteriors must ascend and its shares not fall")

    def __call__(self, posterior: float) -> float:
        """Returns the probability that a word of this posterior is right."""
        return float(np.interp(posterior, self.posteriors, self.shares))


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted values of one model.

    Attributes:
        boundaries: from frames to boundaries.
        curves: by decoder: `greedy`, `beam`, `beam+lm`, `greedy+lm`. Words of another decoder keep
            their posterior.
        scores: usual natural-log score of a hypothesis for each second of speech in the model's own
            language, by decoder, so that the scores of models can be compared.

    Raises:
        ValueError: a score is not finite.
    """

    boundaries: BoundaryRule = GENERAL_RULE
    curves: Mapping[str, Curve] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not np.isfinite(list(self.scores.values())).all():
            raise ValueError("the scores of a calibration must be finite")

    def apply(self, hypothesis: Hypothesis, *, duration: float) -> Hypothesis:
        """Returns the hypothesis with calibrated word boundaries and confidences.

        Args:
            hypothesis: as decoders return it, with frame times and posteriors.
            duration: length of the audio in seconds.
        """
        words = hypothesis.words
        starts, ends = place_words(
            np.array([word.start for word in words]),
            np.array([word.end for word in words]),
            [word.word for word in words],
            duration=duration,
            rule=self.boundaries,
        )
        curve = self.curves.get(curve_name(hypothesis))
        return replace(
            hypothesis,
            words=tuple(
                replace(
                    word,
                    start=start,
                    end=end,
                    confidence=curve(word.confidence) if curve else word.confidence,
                )
                for word, start, end in zip(words, starts.tolist(), ends.tolist(), strict=True)
            ),
        )


def curve_name(hypothesis: Hypothesis) -> str:
    """Returns the name of a hypothesis' curve: its decoder, `beam+lm` with a language model."""
    with_model = hypothesis.decoder == "beam" and hypothesis.language_model is not None
    return f"{hypothesis.decoder}+lm" if with_model else hypothesis.decoder


def load_calibration(folders: Sequence[Path]) -> Calibration:
    """Reads the first `calibration.json` of some folders; without one, the general calibration.

    Raises:
        ConfigurationError: the file cannot be read or is invalid.
    """
    file = next((path for folder in folders if (path := folder / CALIBRATION_NAME).is_file()), None)
    if file is None:
        return Calibration()
    try:
        return calibration_of(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{file}: not a valid calibration ({type(error).__name__}: {error}); "
            "create it again with `python -m trainer calibrate`, or remove it"
        ) from error


def calibration_of(data: Mapping[str, Any]) -> Calibration:
    """Builds a calibration from the content of its file.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the content is invalid.
    """
    rule = data["boundaries"]
    leads, tails = (
        {str(letter): float(value) for letter, value in rule[name].items()}
        for name in ("letter_leads", "letter_tails")
    )
    gaps, reaches, later = (tuple(map(float, rule[name])) for name in ("gaps", "leads", "tails"))
    return Calibration(
        boundaries=BoundaryRule(gaps, reaches, later, leads, tails),
        curves={
            str(name): Curve(
                tuple(map(float, curve["posteriors"])), tuple(map(float, curve["shares"]))
            )
            for name, curve in data["confidence"].items()
        },
        scores={str(name): float(score) for name, score in data.get("scores", {}).items()},
    )


def calibration_data(calibration: Calibration) -> dict[str, Any]:
    """Returns the content of a calibration's file, which `calibration_of` reads."""
    rule = calibration.boundaries
    return {
        "boundaries": {
            "gaps": list(rule.gaps),
            "leads": list(rule.leads),
            "tails": list(rule.tails),
            "letter_leads": dict(rule.letter_leads),
            "letter_tails": dict(rule.letter_tails),
        },
        "confidence": {
            name: {"posteriors": list(curve.posteriors), "shares": list(curve.shares)}
            for name, curve in calibration.curves.items()
        },
        "scores": dict(calibration.scores),
    }
