"""Collects clean and distinct lines from a recipe's text to estimate a language model from.

No evaluation sentence is among them, nor any line that contains one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from app.text import LETTERS, corpus_line
from trainer.data import read_split
from trainer.errors import LanguageModelError
from trainer.recipe import Recipe
from trainer.text.corpus import read_corpus, text_of
from trainer.text.packages import download, paragraphs
from trainer.text.sentences import cut

_KNOWN = frozenset(LETTERS + " ")
_DASHES = re.compile(r"[-–—]")
_GAPS = re.compile(r"\d|%[^\s%]")
"""Numbers, and what a program puts a value for: words around them never stood side by side."""

_INDEXED = 3
"""Held-out sentences of fewer words are looked for as whole lines only, not in longer ones."""


@dataclass(frozen=True, slots=True)
class Text:
    """Lines in the order they were found, their words, and how many were dropped and why."""

    lines: tuple[str, ...]
    words: int
    dropped: dict[str, int]


class HeldOut:
    """Sentences that no language model may have seen.

    Args:
        sentences: as they stand in the data; they are compared the way a corpus is written.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self._sentences = frozenset(filter(None, map(corpus_line, sentences)))
        self._by_start: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for sentence in self._sentences:
            words = sentence.split()
            if len(words) >= _INDEXED:
                self._by_start[tuple(words[:_INDEXED])].append(f" {sentence} ")

    def __len__(self) -> int:
        return len(self._sentences)

    def within(self, line: str) -> bool:
        """Returns whether a line is one of the sentences, or holds one among other words."""
        if line in self._sentences:
            return True
        words = line.split()
        padded = f" {line} "
        starts = zip(*(words[skip:] for skip in range(_INDEXED)), strict=False)
        return any(
            sentence in padded for start in starts for sentence in self._by_start.get(start, ())
        )


def gather(
    recipe: Recipe,
    data: Path,
    *,
    packages: Path | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Text:
    """Reads every source of the recipe's language model.

    Args:
        recipe: `sentences` is its training sentences, and what else stands in its packages,
            fit to be spoken or not; `transcripts` are the texts of the training split.
        data: data folder; the texts of its validation and test splits are held out.
        packages: where Debian packages are kept; default: `packages` in the data folder.
        notify: called with a line of progress.

    Raises:
        LanguageModelError: the recipe has no language model, or its sources hold no text.
        CorpusError: a package is not available.
        DataError: the data folder lacks a split.
    """
    if recipe.language_model is None:
        raise LanguageModelError(f"{recipe.id} has no [language_model]")
    held_out = held_out_texts(data)
    dropped: Counter[str] = Counter()
    sources: list[Iterable[str]] = []
    for source in recipe.language_model.sources:
        if source == "sentences":
            folder = packages or data / "packages"
            corpus = read_corpus(recipe, folder, notify=notify)
            held_out += [*corpus.sentences("valid"), *corpus.sentences("test")]
            sources.append(corpus.sentences("train"))
            sources.append(running_text(package_paragraphs(recipe, folder), recipe, dropped))
        elif source == "transcripts":
            sources.append(record.text for record in read_split(data, "train"))
        else:
            sources.append(_file_lines(Path(source)))
    text = clean(chain.from_iterable(sources), HeldOut(held_out), dropped)
    if not text.lines:
        raise LanguageModelError(f"the sources of {recipe.id} hold no text for a language model")
    return text


def held_out_texts(data: Path) -> list[str]:
    """Returns the texts of the validation and test splits of a data folder.

    Raises:
        DataError: the data folder lacks a split.
    """
    return [record.text for split in ("valid", "test") for record in read_split(data, split)]


def clean(texts: Iterable[str], held_out: HeldOut, dropped: Counter[str] | None = None) -> Text:
    """Writes every text as a corpus line, and drops what is empty, foreign, repeated or held out.

    Args:
        texts: one sentence each.
        held_out: sentences that must not be in the corpus.
        dropped: counts of what has been dropped before; the new drops are added to it.
    """
    counts: Counter[str] = Counter() if dropped is None else dropped
    lines: dict[str, None] = {}
    words = 0
    for text in texts:
        line = corpus_line(text)
        if reason := _flaw(line, lines, held_out):
            counts[reason] += 1
        else:
            lines[line] = None
            words += line.count(" ") + 1
    return Text(tuple(lines), words, dict(counts))


def _flaw(line: str, seen: Container[str], held_out: HeldOut) -> str | None:
    if not line:
        return "empty"
    if not _KNOWN.issuperset(line):
        return "foreign letters"
    if line in seen:
        return "repeated"
    return "evaluation sentence" if held_out.within(line) else None


def package_paragraphs(recipe: Recipe, folder: Path) -> Iterator[str]:
    """Yields the raw paragraphs of a recipe's packages, which are downloaded into `folder`."""
    text = text_of(recipe)
    for package in text.packages:
        yield from paragraphs(download(package, folder), text.locales)


def running_text(found: Iterable[str], recipe: Recipe, dropped: Counter[str]) -> Iterator[str]:
    """Yields the sentences of some paragraphs, counting those with gaps or in another language.

    Unlike the sentences that are spoken they may be short, long, or have names in them.
    """
    foreign = frozenset(text_of(recipe).foreign_words)
    for paragraph in found:
        for sentence in cut(paragraph):
            # As in `trainer.text`: a hyphen parts words, or two would become one wrong word.
            line = _DASHES.sub(" ", sentence)
            if _GAPS.search(line):
                dropped["numbers and placeholders"] += 1
            elif not foreign.isdisjoint(line.lower().split()):
                dropped["another language"] += 1
            else:
                yield line


def _file_lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise LanguageModelError(
            f"{path} is no text file; a source is 'sentences', 'transcripts' or a path"
        )
    with path.open(encoding="utf-8", errors="replace") as lines:
        yield from lines
