"""Reads the operator's lists: profanities, names, and what is masked in every transcript."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.contract.redaction import RedactKind, parse_redact, requires_names
from app.errors import ConfigurationError
from app.itn import WordList, read_word_list
from app.redaction import read_names
from app.settings import Settings

_ListT = TypeVar("_ListT")


@dataclass(frozen=True, slots=True)
class OperatorLists:
    """The lists; `profanities` is None where the built-in ones serve."""

    profanities: WordList | None
    names: tuple[str, ...]
    redact: frozenset[RedactKind]


def read_operator_lists(settings: Settings) -> OperatorLists:
    """Reads the files that the settings name.

    Raises:
        ConfigurationError: one cannot be read, or names are to be masked and there are none; names
            the setting.
    """
    names = _read(settings.redact_names, "redact_names", read_names) or ()
    redact = parse_redact(settings.redact)
    if not names and requires_names(settings.redact):
        raise ConfigurationError(
            "NORDLYD_REDACT lists names, and there are none; accepted with it: a list "
            "(NORDLYD_REDACT_NAMES).",
            param="redact",
        )
    return OperatorLists(
        _read(settings.profanities, "profanities", read_word_list),
        names,
        redact if names else redact - {"names"},
    )


def _read(path: Path | None, setting: str, read: Callable[[Path], _ListT]) -> _ListT | None:
    if path is None:
        return None
    try:
        return read(path)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"NORDLYD_{setting.upper()}: {error.message}", param=setting
        ) from None
