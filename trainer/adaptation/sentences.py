"""Makes sentences of an organisation's documents, and of its names, as the model writes them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.text import LETTERS, corpus_line
from trainer.documents import is_document, read_document, read_text
from trainer.errors import LanguageModelError
from trainer.text.sentences import cut
from trainer.text.written_out import write_out

_KNOWN = frozenset(LETTERS + " ")
_DASHES = re.compile(r"[-\u2010-\u2015]")
# All but letters, white space and the punctuation after which a word may continue: `o'hara`.
_SIGNS = re.compile(r"[^\w\s'’‘.,:\u00ad]|_")
_DIGITS = re.compile(r"\S*\d\S*")
_MAX_WORD_LETTERS = 60


@dataclass(frozen=True, slots=True)
class Sentences:
    """What some documents hold.

    `lines` are the distinct sentences in their order, `documents` how many came from each file,
    `rules` how often each rule wrote something out, `dropped` what is missing and why.
    """

    lines: tuple[str, ...]
    documents: dict[str, int]
    rules: dict[str, int]
    dropped: dict[str, int]

    @property
    def words(self) -> int:
        """How many words the sentences have."""
        return sum(line.count(" ") + 1 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Names:
    """Names as the model writes them, and those of the list that it has no letters for."""

    spelled: tuple[str, ...]
    dropped: tuple[str, ...]


def find_documents(paths: Sequence[Path]) -> list[Path]:
    """Returns the files, and of folders the documents in them and below.

    Raises:
        LanguageModelError: a path does not exist, or a folder holds no document.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise LanguageModelError(f"there is no {path}")
        if not path.is_dir():
            found[path] = None
            continue
        inside = sorted(file for file in path.rglob("*") if file.is_file() and is_document(file))
        if not inside:
            raise LanguageModelError(f"{path} holds no documents")
        found |= dict.fromkeys(inside)
    return list(found)


def read_sentences(paths: Sequence[Path], language: str) -> Sentences:
    """Reads documents, and writes what is in them as it is spoken.

    Args:
        paths: files, and folders of files.
        language: da, nb or nn; numbers, dates and abbreviations are written out in it.

    Raises:
        DataError: a file cannot be read.
        LanguageModelError: a path does not exist, or a folder holds no document.
    """
    lines: dict[str, None] = {}
    documents: dict[str, int] = {}
    rules: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for path in find_documents(paths):
        documents[str(path)] = 0
        for paragraph in read_document(path):
            for sentence in _spoken(paragraph, language, rules, dropped):
                line = _line(sentence)
                if reason := _flaw(line):
                    dropped[reason] += 1
                elif line in lines:
                    dropped["repeated"] += 1
                else:
                    lines[line] = None
                    documents[str(path)] += 1
    return Sentences(tuple(lines), documents, dict(rules), dict(dropped))


def read_names(file: Path, language: str) -> Names:
    """Reads a list of names, one a line; what follows `#` is a comment.

    Raises:
        DataError: the file cannot be read.
        LanguageModelError: it holds no name that the model can write.
    """
    spelled: dict[str, None] = {}
    dropped: list[str] = []
    for paragraph in _entries(file):
        written = write_out(paragraph, language).text
        name = _line(written)
        if _DIGITS.search(written) or _flaw(name):
            dropped.append(paragraph)
        else:
            spelled[name] = None
    if not spelled:
        raise LanguageModelError(f"{file} holds no name that the model has the letters for")
    return Names(tuple(spelled), tuple(dropped))


def _entries(file: Path) -> Iterator[str]:
    for line in read_text(file).splitlines():
        if entry := " ".join(line.partition("#")[0].split()):
            yield entry


def _spoken(
    paragraph: str, language: str, rules: Counter[str], dropped: Counter[str]
) -> Iterator[str]:
    """Yields the sentences of a paragraph, cut where digits are left that no rule could read."""
    written = write_out(paragraph, language)
    rules.update(written.rules)
    for sentence in cut(written.text):
        pieces = _DIGITS.split(sentence)
        if len(pieces) > 1:
            dropped["number of unknown form"] += len(pieces) - 1
        yield from (piece for piece in pieces if piece.strip())


def _line(text: str) -> str:
    """Returns a text in the letters of the model; a hyphen parts words, as do bullets and signs."""
    return corpus_line(_SIGNS.sub(" ", _DASHES.sub(" ", text.replace("/", " "))))


def _flaw(line: str) -> str | None:
    if not line:
        return "empty"
    if not _KNOWN.issuperset(line):
        return "foreign letters"
    if max(map(len, line.split())) > _MAX_WORD_LETTERS:
        return "a word too long"
    return None
