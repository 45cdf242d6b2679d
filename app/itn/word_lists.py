"""Words that may be left out or masked: hesitations by a pattern, profanities from lists.

The bundled lists are short and contain inflected forms, not stems; an operator can replace them.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from app.errors import ConfigurationError

# The three of the Norwegian parliament's transcripts (eee, qqq, mmm), and similar ones. `mm` and
# `ja` are answers, `æ` and `å` are words.
_HESITATION = re.compile(r"e{2,}h*m*|e+h+m*|ø+h+m*|ø{2,}m*|æ+h+m*|a+h+m+|u+h+m+|h+m+|m{3,}|q{3,}")
_ANY_ENDING = "*"


@dataclass(frozen=True, slots=True)
class WordList:
    """Words in lower case, and prefixes of words."""

    words: frozenset[str]
    prefixes: tuple[str, ...] = ()

    def matches(self, word: str) -> bool:
        """Returns whether a word in lower case is in the list."""
        return word in self.words or word.startswith(self.prefixes)


def is_hesitation(word: str) -> bool:
    """Returns whether a word in lower case is a hesitation."""
    return _HESITATION.fullmatch(word) is not None


def mask(word: str) -> str:
    """Returns the first letter, and a star for each of the others."""
    return word[:1] + "*" * (len(word) - 1)


def profanities(language: str) -> WordList:
    """Returns the bundled list for `da`, `nb`, `nn` or `no`; an empty one for other languages."""
    code = "nb" if language == "no" else language
    if code not in ("da", "nb", "nn"):
        return WordList(frozenset())
    text = (files("app.itn") / "words" / f"profanities-{code}.txt").read_text("utf-8")
    return _parse(text, code)


def read_word_list(path: Path) -> WordList:
    """Reads an operator's list: a word a line, `#` before a comment, `*` at the end for a prefix.

    Raises:
        ConfigurationError: the file cannot be read, or a line has more than one word.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    return _parse(text, str(path))


def _parse(text: str, name: str) -> WordList:
    words: set[str] = set()
    prefixes: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.partition("#")[0].strip().lower()
        if not word:
            continue
        stem = word.removesuffix(_ANY_ENDING)
        if not stem or len(stem.split()) > 1 or _ANY_ENDING in stem:
            raise ConfigurationError(
                f"{name}, line {number}: {word!r} must be one word, with at most a * at its end"
            )
        if stem == word:
            words.add(word)
        else:
            prefixes.add(stem)
    return WordList(frozenset(words), tuple(sorted(prefixes)))
