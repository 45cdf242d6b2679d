"""Generates sentences from a grammar of phrases and words with their inflected forms.

A grammar file has rules, comments after `#` and blank lines. A rule goes on in indented lines:

    greeting: god {time} | hei, {name}     phrases, parted by `|` or by the end of the line
    time = morgen kveld sein_natt          words, parted by white space; `_` is a space
    noun = bok/boka/bøker/bøkene           a word with its forms: `{noun.0}` is the first of them
    verb = kast[ae]/kastar                 two words: `kasta/kastar` and `kaste/kastar`

`{rule}` stands for one of a rule's alternatives, all of them equally likely. What is no rule is a
filler: numbers, dates, names and places (`trainer.text.numbers`).
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import CorpusError

GRAMMARS = Path(__file__).resolve().parent / "grammars"
START = "sentence"

_RULE = re.compile(r"(\w+)( =|:)\s*(.*)")
_HOLE = re.compile(r"\{(\w+)(?:\.(\d))?\}")
_SPELLINGS = re.compile(r"\[(\w+)\]")
_SPACE = re.compile(r"_(?![^{}]*\})")

Rules = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Expands rules at random.

    Attributes:
        rules: alternatives of each rule.
        fillers: what makes the words of a hole that is no rule.
        choice: of every alternative.
    """

    rules: Rules
    fillers: Mapping[str, Callable[[], str]]
    choice: random.Random

    def sentence(self) -> str:
        """Returns one sentence, with the commas of its phrases."""
        return self._expand(f"{{{START}}}")

    def _expand(self, phrase: str) -> str:
        return _HOLE.sub(self._fill, phrase)

    def _fill(self, hole: re.Match[str]) -> str:
        name, form = hole.groups()
        if name not in self.rules:
            return self.fillers[name]()
        alternative = self.choice.choice(self.rules[name])
        if form is not None:
            alternative = alternative.split("/")[int(form)]
        return self._expand(alternative)


def load_rules(language: str) -> Rules:
    """Reads the bundled grammar of a language.

    Raises:
        CorpusError: there is none.
    """
    files = sorted(GRAMMARS.glob(f"{language}.*.txt"))
    if not files:
        known = ", ".join(sorted({file.name.split(".")[0] for file in GRAMMARS.glob("*.txt")}))
        raise CorpusError(f"no grammar of everyday sentences in {language!r}, only in {known}")
    return parse_rules("\n".join(file.read_text(encoding="utf-8") for file in files))


def parse_rules(text: str) -> Rules:
    """Reads the rules of a grammar.

    Raises:
        CorpusError: a line belongs to no rule, or a rule is there twice.
    """
    rules: dict[str, list[str]] = {}
    words = False
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].rstrip()
        if not content:
            continue
        if rule := _RULE.fullmatch(content):
            name, mark, content = rule.groups()
            if name in rules:
                raise CorpusError(f"line {number} of the grammar: {name} is there twice")
            rules[name] = []
            words = mark == " ="
        elif not rules or not content[0].isspace():
            raise CorpusError(f"line {number} of the grammar is no rule: {content}")
        own = rules[next(reversed(rules))]
        own += _words(content) if words else _phrases(content)
    return {name: tuple(alternatives) for name, alternatives in rules.items()}


def _phrases(content: str) -> list[str]:
    return [phrase.strip() for phrase in content.split("|") if phrase.strip()]


def _words(content: str) -> list[str]:
    found: list[str] = []
    for word in content.split():
        spellings = _SPELLINGS.search(word)
        letters = spellings[1] if spellings else ("",)
        found += [_SPACE.sub(" ", _SPELLINGS.sub(letter, word)) for letter in letters]
    return found
