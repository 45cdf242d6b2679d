"""The options of a beam search and their bounds: width, weights, hotwords, number of readings.

Within these bounds every sum of a search is a number, and nothing that is pruned could have won:
no column is below -34.6, the natural logarithm of 1e-15.
"""

import math
from dataclasses import dataclass

MAX_BEAM_WIDTH = 2000
MAX_N_BEST = 100
MAX_HOTWORDS = 1000
MAX_HOTWORD_CHARACTERS = 256
MAX_HOTWORD_WEIGHT = 1000.0
MAX_ALPHA = 10.0
MAX_BETA = 100.0
MIN_PRUNE_LOGP = -1000.0
MIN_TOKEN_LOGP = -100.0
HOTWORD_WEIGHT = 10.0

_BOUNDS = (
    ("alpha", -MAX_ALPHA, MAX_ALPHA),
    ("beta", -MAX_BETA, MAX_BETA),
    ("prune_logp", MIN_PRUNE_LOGP, 0.0),
    ("min_token_logp", MIN_TOKEN_LOGP, 0.0),
)


@dataclass(frozen=True, slots=True)
class Hotword:
    """A word, or words parted by spaces, that is expected to be said.

    `weight` is added to the natural-log score of a reading for each time a word of it is read,
    in parts as its letters appear; 0 changes nothing, below 0 the word is avoided.
    """

    text: str
    weight: float = HOTWORD_WEIGHT

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a hotword is empty")
        if not math.isfinite(self.weight):
            raise ValueError(f"the weight of hotword {self.text!r} is {self.weight}")


@dataclass(frozen=True, slots=True)
class BeamOptions:
    """The options of one beam search; names and defaults are pyctcdecode's.

    Args:
        beam_width: readings kept after each frame, 1 to 2000.
        alpha: weight of the language model, -10 to 10; None takes the language model's own.
        beta: bonus for each word, against the language model's liking of few, -100 to 100; None as
            above.
        prune_logp: readings this much below the best are dropped; -1000 to 0.
        min_token_logp: tokens below this are not tried, but for the best one; -100 to 0.
        hotwords: words that are expected, of at most 256 characters each, with weights of -1000 to
            1000.
        n_best: how many readings `n_best` returns at most.

    Raises:
        ValueError: one of them is out of its range.
    """

    beam_width: int = 100
    alpha: float | None = None
    beta: float | None = None
    prune_logp: float = -10.0
    min_token_logp: float = -5.0
    hotwords: tuple[Hotword, ...] = ()
    n_best: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.beam_width <= MAX_BEAM_WIDTH:
            raise ValueError(f"beam_width is {self.beam_width}, must be 1 to {MAX_BEAM_WIDTH}")
        if not 1 <= self.n_best <= MAX_N_BEST:
            raise ValueError(f"n_best is {self.n_best}, must be 1 to {MAX_N_BEST}")
        for name, low, high in _BOUNDS:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} is {value}, must be {low:g} to {high:g}")
        if len(self.hotwords) > MAX_HOTWORDS:
            raise ValueError(f"there are {len(self.hotwords)} hotwords, at most {MAX_HOTWORDS}")
        for hotword in self.hotwords:
            if len(hotword.text) > MAX_HOTWORD_CHARACTERS:
                raise ValueError(
                    f"a hotword has {len(hotword.text)} characters, at most "
                    f"{MAX_HOTWORD_CHARACTERS}"
                )
            if abs(hotword.weight) > MAX_HOTWORD_WEIGHT:
                raise ValueError(
                    f"the weight of hotword {hotword.text!r} is {hotword.weight:g}, must be "
                    f"{-MAX_HOTWORD_WEIGHT:g} to {MAX_HOTWORD_WEIGHT:g}"
                )

    def hotword_weights(self) -> dict[str, float]:
        """Single words with their weights; of a word given twice the last weight counts."""
        weights = {word: hot.weight for hot in self.hotwords for word in hot.text.split()}
        return {word: weight for word, weight in weights.items() if weight != 0}
