"""Decoding options of one request, and their bounds.

Within these bounds every sum of a search is finite, and no pruned hypothesis could have won: no
column is below -34.6, the natural logarithm of 1e-15.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.contract.options import (
    HOTWORD_WEIGHT,
    MAX_ALPHA,
    MAX_BEAM_WIDTH,
    MAX_BETA,
    MAX_HOTWORD_CHARACTERS,
    MAX_HOTWORD_WEIGHT,
    MAX_HOTWORDS,
    MAX_N_BEST,
    MIN_PRUNE_LOGP,
    MIN_TOKEN_LOGP,
    DecoderName,
)

_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("beam_width", 1, MAX_BEAM_WIDTH),
    ("n_best", 1, MAX_N_BEST),
    ("alpha", -MAX_ALPHA, MAX_ALPHA),
    ("beta", -MAX_BETA, MAX_BETA),
    ("prune_logp", MIN_PRUNE_LOGP, 0.0),
    ("min_token_logp", MIN_TOKEN_LOGP, 0.0),
)
_BEAM = {"beam_width": 100, "prune_logp": -10.0, "min_token_logp": -5.0}
"""pyctcdecode's defaults."""
_GREEDY_LM = {"beam_width": 8, "prune_logp": -8.0, "min_token_logp": -4.0}
"""A beam so narrow, over so few tokens, that it costs little more than the best path."""


class InvalidOptionError(ValueError):
    """An option is out of its range; `option` is its name."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class Hotword:
    """A word, or several words separated by spaces, that is likely to occur.

    `weight` is added to the natural-log score of a hypothesis for each occurrence of each word, in
    parts as its letters appear; 0 has no effect, a negative weight makes the word less likely.

    Raises:
        ValueError: the text is empty or the weight is not finite.
    """

    text: str
    weight: float = HOTWORD_WEIGHT

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a hotword is empty")
        if not math.isfinite(self.weight):
            raise ValueError(f"the weight of hotword {self.text!r} is {self.weight}")


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How the emissions of one request are decoded; None takes the model's default.

    The names are pyctcdecode's. Values are checked by `resolve`.

    Attributes:
        decoder: `auto` is a beam search where the model has a language model or an option of the
            beam search is given, and greedy otherwise; `greedy+lm` a beam search with a very narrow
            beam.
        beam_width: hypotheses kept after each frame, 1 to 2000; 100.
        alpha: weight of the language model, -10 to 10; the language model's own by default.
        beta: bonus for each word, -100 to 100; the language model's own by default.
        prune_logp: hypotheses this far below the best are dropped, -1000 to 0; -10.
        min_token_logp: tokens below it are skipped, except the frame's best, -100 to 0; -5.
        hotwords: at most 1000, of at most 256 characters each, with weights of -1000 to 1000.
        n_best: maximum number of hypotheses to return, 1 to 100.
        lm: name of one of the model's language models.
    """

    decoder: DecoderName = "auto"
    beam_width: int | None = None
    alpha: float | None = None
    beta: float | None = None
    prune_logp: float | None = None
    min_token_logp: float | None = None
    hotwords: tuple[Hotword, ...] = ()
    n_best: int = 1
    lm: str | None = None

    def given_beam_options(self) -> tuple[str, ...]:
        """Returns the names of the options that are given and need a beam search."""
        given: dict[str, Any] = {
            "beam_width": self.beam_width,
            "alpha": self.alpha,
            "beta": self.beta,
            "prune_logp": self.prune_logp,
            "min_token_logp": self.min_token_logp,
            "hotwords": self.hotwords or None,
            "n_best": self.n_best if self.n_best > 1 else None,
            "lm": self.lm,
        }
        return tuple(name for name, value in given.items() if value is not None)

    def resolve(self, *, alpha: float = 0.0, beta: float = 0.0) -> "DecodingOptions":
        """Returns the options of a beam search with every default filled in.

        Args:
            alpha: the language model's own weight.
            beta: the language model's own bonus for each word.

        Raises:
            InvalidOptionError: an option is out of its range.
        """
        defaults = _GREEDY_LM if self.decoder == "greedy+lm" else _BEAM
        values: dict[str, Any] = {**defaults, "alpha": alpha, "beta": beta}
        missing = {name: value for name, value in values.items() if getattr(self, name) is None}
        resolved = replace(self, **missing)
        resolved._check()
        return resolved

    def hotword_weights(self) -> dict[str, float]:
        """Returns the weight of each single word; the last one counts for a repeated word."""
        weights = {word: hot.weight for hot in self.hotwords for word in hot.text.split()}
        return {word: weight for word, weight in weights.items() if weight != 0}

    def map_hotwords(self, change: Callable[[str], str]) -> "DecodingOptions":
        """Returns the same options with single hotwords, each passed through a function."""
        weights = self.hotword_weights()
        hotwords = tuple(Hotword(change(word), weight) for word, weight in weights.items())
        return replace(self, hotwords=hotwords)

    def _check(self) -> None:
        for name, low, high in _BOUNDS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidOptionError(name, f"{name} is {value}, must be {low:g} to {high:g}")
        if len(self.hotwords) > MAX_HOTWORDS:
            raise InvalidOptionError(
                "hotwords", f"there are {len(self.hotwords)} hotwords, at most {MAX_HOTWORDS}"
            )
        for hotword in self.hotwords:
            _check_hotword(hotword)


def _check_hotword(hotword: Hotword) -> None:
    if len(hotword.text) > MAX_HOTWORD_CHARACTERS:
        raise InvalidOptionError(
            "hotwords",
            f"a hotword has {len(hotword.text)} characters, at most {MAX_HOTWORD_CHARACTERS}",
        )
    if abs(hotword.weight) > MAX_HOTWORD_WEIGHT:
        raise InvalidOptionError(
            "hotwords",
            f"the weight of hotword {hotword.text!r} is {hotword.weight:g}, must be "
            f"{-MAX_HOTWORD_WEIGHT:g} to {MAX_HOTWORD_WEIGHT:g}",
        )
