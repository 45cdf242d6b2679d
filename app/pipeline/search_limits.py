"""The operator's bounds on the search options of a request."""

from dataclasses import dataclass

from app.contract.options import (
    MAX_ALPHA,
    MAX_BEAM_WIDTH,
    MAX_BETA,
    MAX_HOTWORD_CHARACTERS,
    MAX_HOTWORD_WEIGHT,
    MAX_HOTWORDS,
    MAX_N_BEST,
    MIN_PRUNE_LOGP,
    MIN_TOKEN_LOGP,
)
from app.decoding import DecodingOptions
from app.errors import InvalidRequestError


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """The bounds, each by the name of its setting; by default those of the contract.

    Attributes:
        max_beam_width: hypotheses kept after each frame.
        max_n_best: alternatives.
        max_hotwords: number of hotwords.
        max_hotword_characters: length of a hotword.
        max_hotword_weight: weight of a hotword, of either sign.
        max_alpha: weight of the language model, of either sign.
        max_beta: bonus for each word, of either sign.
        min_prune_logp: natural logarithm, below 0.
        min_token_logp: natural logarithm, below 0.
    """

    max_beam_width: int = MAX_BEAM_WIDTH
    max_n_best: int = MAX_N_BEST
    max_hotwords: int = MAX_HOTWORDS
    max_hotword_characters: int = MAX_HOTWORD_CHARACTERS
    max_hotword_weight: float = MAX_HOTWORD_WEIGHT
    max_alpha: float = MAX_ALPHA
    max_beta: float = MAX_BETA
    min_prune_logp: float = MIN_PRUNE_LOGP
    min_token_logp: float = MIN_TOKEN_LOGP

    def check(self, options: DecodingOptions) -> None:
        """Does nothing if the given options are within the bounds.

        Raises:
            InvalidRequestError: one is not; names the option, its value, the bound and its setting.
        """
        for name, low, high, setting in (
            ("beam_width", 1, self.max_beam_width, "max_beam_width"),
            ("n_best", 1, self.max_n_best, "max_n_best"),
            ("alpha", -self.max_alpha, self.max_alpha, "max_alpha"),
            ("beta", -self.max_beta, self.max_beta, "max_beta"),
            ("prune_logp", self.min_prune_logp, 0.0, "min_prune_logp"),
            ("min_token_logp", self.min_token_logp, 0.0, "min_token_logp"),
        ):
            value = getattr(options, name)
            if value is not None and not low <= value <= high:
                raise _refusal(name, f"{name} is {value:g}; accepted: {low:g} to {high:g}", setting)
        self._check_hotwords(options)

    def _check_hotwords(self, options: DecodingOptions) -> None:
        count, limit = len(options.hotwords), self.max_hotwords
        if count > limit:
            raise _refusal(
                "hotwords", f"There are {count} hotwords; accepted: at most {limit}", "max_hotwords"
            )
        for hotword in options.hotwords:
            if len(hotword.text) > self.max_hotword_characters:
                raise _refusal(
                    "hotwords",
                    f"A hotword has {len(hotword.text)} characters; accepted: at most "
                    f"{self.max_hotword_characters}",
                    "max_hotword_characters",
                )
            if abs(hotword.weight) > self.max_hotword_weight:
                raise _refusal(
                    "hotwords",
                    f"The weight of hotword {hotword.text!r} is {hotword.weight:g}; accepted: "
                    f"{-self.max_hotword_weight:g} to {self.max_hotword_weight:g}",
                    "max_hotword_weight",
                )


def _refusal(option: str, reason: str, setting: str) -> InvalidRequestError:
    return InvalidRequestError(f"{reason} (NORDLYD_{setting.upper()}).", param=option)
