"""Calibration of the times and confidences of words.

Both are fitted to a model on validation speech by `python -m trainer calibrate` and kept with it
in `calibration.json`: for each decoder a curve from a word's posterior to the
proportion of such words that are right, and a rule from frames to boundaries.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.decoding.boundaries import GENERAL_RULE, BoundaryRule, place_words
from app.decoding.types import Hypothesis
from app.errors import ConfigurationError

CALIBRATION_NAME = "calibration.json"


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
    """

    boundaries: BoundaryRule = GENERAL_RULE
    curves: Mapping[str, Curve] = field(default_factory=dict)

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
    }
