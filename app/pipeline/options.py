"""Converts the options that a client gives into those of the pipeline's parts, within bounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.contract.formats import ResponseFormat
from app.contract.layout import FORMAT_OPTIONS, option_without_effect
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
    TextOptions,
    TranscribeOptions,
    parse_hotwords,
)
from app.contract.redaction import RedactOptions, parse_names, parse_redact, requires_names
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError
from app.itn import FormattingOptions
from app.redaction import RedactionOptions
from app.speakers import DiarizationOptions

_ModelT = TypeVar("_ModelT", bound=BaseModel)


def parse_options(model: type[_ModelT], given: Mapping[str, str]) -> _ModelT:
    """Returns the options that the fields of a request give.

    Args:
        model: an option model of the contract, or of another protocol.
        given: values by name, as text.

    Raises:
        InvalidRequestError: a field is unknown or wrong; the message lists what is accepted.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        issues = error.errors(include_url=False)
        name = str(issues[0]["loc"][0])
        # A field of one of several types has an issue for each.
        own = [issue for issue in issues if issue["loc"][0] == name]
        raise InvalidRequestError(_explain(name, own, model), param=name) from None


def decoding_options(options: TextOptions) -> DecodingOptions:
    """Returns the decoder's part of the options: those of the same names.

    None there takes the model's default.
    """
    given = {field.name: getattr(options, field.name) for field in fields(DecodingOptions)}
    hotwords = tuple(Hotword(*hotword) for hotword in parse_hotwords(options.hotwords))
    return DecodingOptions(**given | {"hotwords": hotwords})


def formatting_options(options: TextOptions) -> FormattingOptions | None:
    """Returns how to write the formatted text; None where the request has no `format_text`.

    Raises:
        InvalidRequestError: an option of the formatted text is given without `format_text`.
    """
    if options.format_text:
        return FormattingOptions(
            remove_hesitations=options.remove_hesitations,
            mask_profanities=options.mask_profanities,
        )
    for name in ("remove_hesitations", "mask_profanities"):
        if getattr(options, name):
            # Ignored, it would leave its caller with the unchanged `text`.
            raise InvalidRequestError(
                f"{name} changes only formatted_text; accepted with it: format_text=true.",
                param=name,
            )
    return None


def diarization_options(options: TranscribeOptions) -> DiarizationOptions | None:
    """Returns how many speakers are looked for; None where the request has no `diarize`.

    Raises:
        InvalidRequestError: the options of speakers contradict each other, or are given without
            `diarize`.
    """
    exact, least, most = options.num_speakers, options.min_speakers, options.max_speakers
    if not options.diarize:
        for name in ("num_speakers", "min_speakers", "max_speakers", "known_speakers"):
            if getattr(options, name):
                raise InvalidRequestError(
                    f"{name} is for telling speakers apart; accepted with it: diarize=true.",
                    param=name,
                )
        return None
    if options.channels == "separate":
        raise InvalidRequestError(
            "diarize is true and channels is 'separate', which labels words with their channels; "
            "accepted: one of them.",
            param="diarize",
        )
    if exact is not None and (least is not None or most is not None):
        raise InvalidRequestError(
            "num_speakers is given with min_speakers or max_speakers; accepted: num_speakers "
            "alone, or one or both of the others.",
            param="num_speakers",
        )
    if exact is not None:
        return DiarizationOptions(exact, exact)
    if least is not None and most is not None and least > most:
        raise InvalidRequestError(
            f"min_speakers is {least} and max_speakers {most}; accepted: min_speakers up to "
            "max_speakers.",
            param="min_speakers",
        )
    return DiarizationOptions(least or 1, most)


def redaction_options(options: RedactOptions) -> RedactionOptions | None:
    """Returns what is masked; None where the request has no `redact`.

    Raises:
        InvalidRequestError: there are names, and `redact` has not `names`.
    """
    kinds = parse_redact(options.redact)
    if options.redact_names is not None and "names" not in kinds:
        # Ignored, it would leave its caller with the names.
        raise InvalidRequestError(
            "redact_names lists what redact=names masks; accepted with it: redact=names or all.",
            param="redact_names",
        )
    if not kinds:
        return None
    return RedactionOptions(
        kinds, parse_names(options.redact_names), names_required=requires_names(options.redact)
    )


def hotwords_option(hotwords: Iterable[Hotword]) -> str | None:
    """Returns the option `hotwords` for words that another protocol gave; None for none.

    A comma would end a word there, and no model writes one.
    """
    words = [
        f"{' '.join(hotword.text.replace(',', ' ').split())}:{hotword.weight!r}"
        for hotword in hotwords
    ]
    return ", ".join(words) or None


def check_format_options(options: BaseModel, response_format: ResponseFormat) -> None:
    """Refuses an option that the format of the answer does not have, such as word cues.

    Args:
        options: of the request.
        response_format: of the answer.

    Raises:
        InvalidRequestError: there is one; the message lists the formats that have it.
    """
    given = {name: getattr(options, name, None) for name in FORMAT_OPTIONS}
    refused = option_without_effect(given, (response_format,), named="response_format=")
    if refused is not None:
        name, message = refused
        raise InvalidRequestError(message, param=name)


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """The operator's bounds on search options, by the names of their settings.

    By default they are those of the contract.

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


def _explain(name: str, issues: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> str:
    """Returns a message for the problems that pydantic found with a field."""
    issue = issues[0]
    kind = issue["type"]
    if kind == "extra_forbidden":
        accepted = ", ".join(model.model_fields)
        return f"There is no parameter {name!r}; accepted: file, {accepted}."
    given = issue.get("input")
    alternatives = [_accepted(each) for each in issues]
    if None not in alternatives:
        return f"{name} is {given!r}; accepted: {', or '.join(map(str, alternatives))}."
    reason = str(issue["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return f"{name} is {given!r}: {reason}."


def _accepted(issue: Mapping[str, Any]) -> str | None:
    """Returns what would be accepted instead; None where the issue says that by itself."""
    kind = issue["type"]
    if kind == "literal_error":
        return str(issue["ctx"]["expected"]).replace("'", "")
    if kind.startswith("bool"):
        return "true, false"
    return "a whole number" if kind.startswith("int") else None


def _refusal(option: str, reason: str, setting: str) -> InvalidRequestError:
    return InvalidRequestError(f"{reason} (NORDLYD_{setting.upper()}).", param=option)
