"""Everyday sentences of a grammar, and the words that wordfreq knows."""

import gzip
import random
import re
import zipfile
from itertools import islice
from pathlib import Path

import pytest

from app.text import LETTERS, normalise
from trainer.errors import CorpusError
from trainer.text.everyday import development_sentences, everyday_sentences
from trainer.text.grammar import Grammar, load_rules, parse_rules
from trainer.text.numbers import fillers_of
from trainer.text.word_frequencies import word_frequencies

LANGUAGES = ("da", "nb", "nn")
BENCH = Path(__file__).parents[4] / "bench/sentences"
RULES = """
# A comment.
sentence: {greeting}, {who} | {who} {verb.1} {noun.1}   # another
  ikke {verb.0} {noun.0}
greeting: god morgen
who = hun alle_sammen
verb = kast[ae]/kastar
noun = bok/boka stein/steinen
"""


def _grammar(rules: str) -> Grammar:
    return Grammar(parse_rules(rules), {}, random.Random(1))


def test_grammar_expands_words_spellings_and_forms() -> None:
    grammar = _grammar(RULES)
    made = {grammar.sentence() for _ in range(500)}
    assert made == {
        "god morgen, hun", "god morgen, alle sammen",
        "hun kastar boka", "hun kastar steinen",
        "alle sammen kastar boka", "alle sammen kastar steinen",
        "ikke kasta bok", "ikke kaste bok", "ikke kasta stein", "ikke kaste stein",
    }  # fmt: skip


def test_grammar_with_a_line_of_no_rule_is_refused() -> None:
    with pytest.raises(CorpusError, match="line 1 of the grammar is no rule: hva"):
        parse_rules("hva")
    with pytest.raises(CorpusError, match="line 2 of the grammar: who is there twice"):
        parse_rules("who = du\nwho = jeg")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_hole_of_a_bundled_grammar_can_be_filled(language: str) -> None:
    rules = load_rules(language)
    fillers = fillers_of(language, random.Random(1)).by_name()
    used = {"sentence"}
    for alternatives in rules.values():
        for name, form in re.findall(r"\{(\w+)(?:\.(\d))?\}", " ".join(alternatives)):
            used.add(name)
            assert name in rules or name in fillers
            if form:
                assert min(word.count("/") for word in rules[name]) >= int(form), name
    assert set(rules) <= used


@pytest.mark.parametrize("language", LANGUAGES)
def test_everyday_sentences_are_the_same_from_the_same_seed(language: str) -> None:
    made = [list(islice(everyday_sentences(language, seed=seed), 300)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert len(set(made[0])) > 280
    letters = set(LETTERS + " ")
    assert all(letters.issuperset(normalise(sentence)) for sentence in made[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_that_are_measured_on_are_not_made_up(language: str) -> None:
    measured = {normalise(line) for line in (BENCH / f"{language}.txt").read_text().splitlines()}
    development = set(development_sentences(language))
    made = {normalise(line) for line in islice(everyday_sentences(language, seed=7), 5000)}
    assert not measured & development
    assert not (measured | development) & made


def test_language_without_a_grammar_is_refused() -> None:
    with pytest.raises(CorpusError, match="'sv', only in da, nb, nn"):
        load_rules("sv")
    with pytest.raises(CorpusError, match="'sv'"):
        development_sentences("sv")


def test_word_frequencies_have_words_of_our_letters_by_their_frequency(tmp_path: Path) -> None:
    wheel = tmp_path / "wordfreq.whl"
    # [{"format": "cB"}, [], ["i", "x", "på"], ["wifi2", "hus"]] in MessagePack.
    packed = (
        b"\x94\x81\xa6format\xa2cB\x90\x93\xa1i\xa1x\xa3p\xc3\xa5\xdc\x00\x02\xd9\x05wifi2\xa3hus"
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("wordfreq/data/small_nb.msgpack.gz", gzip.compress(packed))
    found = word_frequencies(wheel, "nb", 10)
    assert list(found) == ["i", "på", "hus"]
    assert found["på"] == pytest.approx(10**-0.01)
    assert found["hus"] == pytest.approx(10**-0.02)
    assert list(word_frequencies(wheel, "nb", 1)) == ["i"]
    with pytest.raises(CorpusError, match="no word list of 'nn'"):
        word_frequencies(wheel, "nn", 1)
