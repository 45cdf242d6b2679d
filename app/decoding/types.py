"""The values of decoding: options of a request and their bounds, hypotheses, and the interface.

Within the bounds every sum of a search is finite, and no pruned hypothesis could have won: no
column is below -34.6, the natural logarithm of 1e-15.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.contract.answers import Word
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

Emissions = NDArray[np.float32]

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


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One transcription of the audio.

    Attributes:
        text: the words joined by single spaces.
        words: in order, without overlaps, within the audio.
        score: natural-log score, higher is better; comparable only between hypotheses of one audio
            and one decoder.
        decoder: greedy, beam or greedy+lm.
        language_model: name of the language model; None where none was used.
    """

    text: str
    words: tuple[Word, ...]
    score: float
    decoder: str = "greedy"
    language_model: str | None = None


@dataclass(frozen=True, slots=True)
class SpeechScore:
    """How well speech fits a model, as a measure of whether it is in the model's language.

    Attributes:
        decoder: of the best hypothesis, as calibrations name it.
        score: natural-log score of the hypothesis for each second: acoustics and language model.
        deviation: how much that is above the usual score of speech in the model's own language;
            None where the model has no calibration of its scores.
        confidence: mean of the words' of the hypothesis; 0 where it has none.
    """

    decoder: str
    score: float
    deviation: float | None
    confidence: float


class Decoder(Protocol):
    """Turns the emissions of one audio into words.

    A decoder is bound to its vocabulary, language model and options when it is created; `decode` is
    a pure function of its arguments and thread-safe. A request with options of its own gets a new,
    cheap decoder, which shares vocabulary and language model.
    """

    def decode(self, emissions: Emissions, *, frame_seconds: float, duration: float) -> Hypothesis:
        """Returns the best hypothesis.

        Args:
            emissions: float array [frames, vocabulary] of natural-log probabilities.
            frame_seconds: length of one frame in seconds.
            duration: length of the audio in seconds; no word ends after it.

        Raises:
            ValueError: the emissions do not fit the vocabulary or are not numbers.
        """
        ...


def check_emissions(
    emissions: Emissions, vocabulary: int, *, frame_seconds: float, duration: float
) -> None:
    """Raises ValueError for arguments that no decoder accepts.

    Values are not checked: decoders detect non-finite ones as they compute.
    """
    if emissions.ndim != 2 or emissions.shape[1] != vocabulary:  # noqa: PLR2004
        raise ValueError(
            f"emissions have shape {list(emissions.shape)}, "
            f"must be [frames, {vocabulary}] for this vocabulary"
        )
    if not np.issubdtype(emissions.dtype, np.floating):
        raise ValueError(f"emissions are {emissions.dtype}, must be floating point")
    if not 0 < frame_seconds < float("inf"):
        raise ValueError(f"frame_seconds is {frame_seconds}, must be above 0")
    if not 0 <= duration < float("inf"):
        raise ValueError(f"duration is {duration}, must be 0 or more seconds")
