"""Reads the operator's lists of words: profanities, and names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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


def read_operator_lists(settings: Settings) -> OperatorLists:
    """Reads the files that the settings name.

    Raises:
        ConfigurationError: one cannot be read; names its setting.
    """
    return OperatorLists(
        _read(settings.profanities, "profanities", read_word_list),
        _read(settings.redact_names, "redact_names", read_names) or (),
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
