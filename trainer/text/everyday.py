"""Generates everyday sentences from the bundled grammar of a language, and reads development ones.

Help texts have no questions, no `yesterday` and no kitchen; so such sentences are made up. The
development sentences were written by hand and are never trained on.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from trainer.errors import CorpusError
from trainer.text.grammar import Grammar, load_rules
from trainer.text.numbers import fillers_of

DEVELOPMENT = Path(__file__).resolve().parent / "development"


def everyday_sentences(language: str, *, seed: int) -> Iterator[str]:
    """Yields sentences without end, the same ones from the same seed; some come twice.

    Raises:
        CorpusError: there is no grammar for this language.
    """
    choice = random.Random(f"{seed}/everyday/{language}")
    grammar = Grammar(load_rules(language), fillers_of(language, choice).by_name(), choice)
    while True:
        yield grammar.sentence()


def development_sentences(language: str) -> tuple[str, ...]:
    """Returns the sentences by which choices are made, none of which is trained on.

    Raises:
        CorpusError: there are none for this language.
    """
    file = DEVELOPMENT / f"{language}.txt"
    if not file.is_file():
        raise CorpusError(f"there are no development sentences in {language!r}")
    return tuple(file.read_text(encoding="utf-8").splitlines())
