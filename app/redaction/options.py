"""What a request has masked, and what the operator adds to it."""

from dataclasses import dataclass, replace

from app.contract.answers import Notice
from app.contract.redaction import RedactKind
from app.errors import InvalidRequestError
from app.itn import LANGUAGES


@dataclass(frozen=True, slots=True)
class RedactionOptions:
    """What to mask.

    Attributes:
        kinds: of personal data.
        names: that are masked, where `names` is among the kinds.
        names_required: whether the request listed `names` itself, instead of `all`.
    """

    kinds: frozenset[RedactKind]
    names: tuple[str, ...] = ()
    names_required: bool = False


def check_language(language: str) -> None:
    """Does nothing if there are rules for a language.

    Raises:
        InvalidRequestError: there are none.
    """
    if language not in LANGUAGES:
        raise InvalidRequestError(
            f"redact has no rules for language {language!r}; it has some for: "
            f"{', '.join(LANGUAGES)}.",
            param="redact",
        )


def with_operator_names(
    options: RedactionOptions, names: tuple[str, ...]
) -> tuple[RedactionOptions, Notice | None]:
    """Returns options with the operator's names, and a warning where there are no names at all.

    Raises:
        InvalidRequestError: the request lists `names`, and there are none.
    """
    if "names" not in options.kinds:
        return options, None
    known = (*options.names, *names)
    if known:
        return replace(options, names=known), None
    if options.names_required:
        raise InvalidRequestError(
            "redact lists names, and there are none; accepted with it: redact_names, or a list of "
            "the operator (NORDLYD_REDACT_NAMES).",
            param="redact_names",
        )
    return options, Notice(
        "no_names", "No name is masked: neither the request nor the operator lists any."
    )
