"""Sentences of a recipe: from packages, from translation and with numbers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.splits import SPLITS
from trainer.errors import CorpusError
from trainer.recipe import Recipe, load_recipe
from trainer.recipe_schema import TextRecipe
from trainer.text.corpus import (
    keep_translations,
    make_everyday,
    make_numbers,
    read_corpus,
    text_of,
)
from trainer.text.everyday import development_sentences
from trainer.text.sentences import split_of
from trainer.text.translation import translate

NAMES = ("fila", "boka", "døra", "hylla", "jenta", "kua", "lampa", "visa", "øya", "hytta", "bygda")
MANY = [f"dei har ikkje sett {a} eller {b} på {c}" for a in NAMES for b in NAMES for c in NAMES]

Program = Callable[[str], None]


@pytest.fixture
def apertium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a program named apertium first on the path: a shell script."""

    def write(script: str) -> None:
        program = tmp_path / "bin" / "apertium"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    return write


def test_translation_held_out_by_its_hash_is_dropped(nynorsk: Recipe) -> None:
    text = text_of(nynorsk)
    dropped: Counter[str] = Counter()
    known = next(sentence for sentence in MANY if split_of(sentence, text) == "train")
    kept = keep_translations([*MANY, None], {known}, text, dropped)
    assert {split_of(sentence, text) for sentence in kept} == {"train"}
    held_out = sum(split_of(sentence, text) != "train" for sentence in MANY)
    assert held_out > 0
    assert dropped["held out by its hash"] == held_out
    assert dropped["words unknown to the translator"] == 1
    assert dropped["repeated"] == 1
    assert len(kept) == len(MANY) - held_out - 1


def test_translations_have_the_order_of_their_sentences(apertium: Program) -> None:
    apertium('[ "$1" = nob-nno ] && sed s/ikke/ikkje/ | sed "s/feilord/*feilord/"')
    sentences = ["det er ikke her", "vi har et feilord", "det var ikke der"]
    assert translate(sentences, "nb", "nn") == ["det er ikkje her", None, "det var ikkje der"]
    assert translate([], "nb", "nn") == []


def test_translator_that_drops_a_sentence_is_refused(apertium: Program) -> None:
    apertium("sed 1,2d")
    with pytest.raises(CorpusError, match="made 1 sentences of 2"):
        translate(["det er her", "det er der"], "nb", "nn")


def test_translator_failure_includes_its_reason(apertium: Program) -> None:
    apertium("echo 'Error: Mode nob-nno does not exist' >&2; exit 1")
    with pytest.raises(CorpusError, match=r"nob-nno does not exist.*apt-get install apertium"):
        translate(["det er her"], "nb", "nn")


def test_missing_translator_error_names_the_install_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CorpusError, match="apt-get install apertium apertium-nno-nob"):
        translate(["det er her"], "nb", "nn")
    with pytest.raises(CorpusError, match="not da and nb"):
        translate(["det er her"], "da", "nb")


def test_number_sentences_fill_each_split_according_to_their_hash(
    recipe: Recipe, text: TextRecipe
) -> None:
    required = {"train": 40, "valid": 6, "test": 10}
    made = make_numbers(recipe, required)
    assert {split: len(kept) for split, kept in made.items()} == required
    for split in SPLITS:
        assert {split_of(sentence, text) for sentence in made[split]} == {split}
        assert len(set(made[split])) == required[split]
    assert make_numbers(recipe, required) == made
    assert make_numbers(recipe, dict.fromkeys(SPLITS, 0)) == dict.fromkeys(SPLITS, ())


def test_everyday_sentences_for_training_are_not_held_out(recipe: Recipe, text: TextRecipe) -> None:
    made = make_everyday(recipe, 200)
    assert len(set(made)) == 200
    assert {split_of(sentence, text) for sentence in made} == {"train"}
    assert not set(made) & set(development_sentences(recipe.language))
    assert make_everyday(recipe, 200) == made
    assert make_everyday(recipe, 0) == ()


def test_split_that_cannot_be_filled_is_refused(recipe: Recipe, text: TextRecipe) -> None:
    none = replace(recipe, text=replace(text, valid_share=0.0))
    with pytest.raises(CorpusError, match="cannot make up"):
        make_numbers(none, {"train": 5, "valid": 1, "test": 0})


def test_recipe_of_recorded_speech_has_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"has no \[text\]"):
        read_corpus(load_recipe("wav2vec2-xlsr-1B-NPSC-NN"), tmp_path)
