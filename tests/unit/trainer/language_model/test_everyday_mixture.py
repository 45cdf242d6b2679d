"""Language models mixed with everyday sentences and the frequencies of words."""

import gzip
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import CorpusError
from trainer.language_model.everyday import made_up, single_words, with_everyday_language
from trainer.language_model.kneser_ney import NgramModel, estimate
from trainer.recipe import MixtureRecipe, Recipe, load_recipe
from trainer.text.frequent_words import frequent_words

LINES = ["trykk på knappen for å åpne filen", "velg fargen på teksten i dialogen"] * 3
MIXTURE = MixtureRecipe(
    everyday_sentences=150,
    everyday_share=0.4,
    frequent_words=3,
    frequent_words_share=0.1,
    max_ngrams=400,
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of word frequencies and a Debian package of dictionaries."""
    root = tmp_path_factory.mktemp("dictionaries")
    words = root / "usr/share/dict"
    words.mkdir(parents=True)
    (words / "bokmaal").write_text("kaffe\nkj\u00f8pe\nflink\nhagl\nOla\n", encoding="latin-1")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        "Package: wnorwegian\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.no>\n"
        "Description: x\n"
    )
    folder = tmp_path_factory.mktemp("packages")
    command = ["dpkg-deb", "--build", str(root), str(folder / "wnorwegian_1_all.deb")]
    subprocess.run(command, check=True, capture_output=True)
    # [{}, ["kaffe", "ola"], ["flink", "kjøpe", "hagl"]] in MessagePack.
    packed = b"\x93\x80\x92\xa5kaffe\xa3ola\x93\xa5flink\xa6kj\xc3\xb8pe\xa4hagl"
    with zipfile.ZipFile(folder / "wordfreq-3.1.1-py3-none-any.whl", "w") as archive:
        archive.writestr("wordfreq/data/small_nb.msgpack.gz", gzip.compress(packed))
    return folder


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    recipe = load_recipe("demo-nb")
    assert recipe.language_model is not None
    return replace(recipe, language_model=replace(recipe.language_model, mixture=MIXTURE))


@pytest.fixture(scope="module")
def text() -> NgramModel:
    return estimate(LINES, order=3)


def test_frequent_words_are_those_of_the_dictionary(packages: Path) -> None:
    assert list(frequent_words("nb", 3, packages)) == ["kaffe", "flink", "hagl"]
    with pytest.raises(CorpusError, match="no word frequencies for 'sv', only da, nb, nn"):
        frequent_words("sv", 3, packages)


def test_single_words_have_the_probabilities_of_their_shares() -> None:
    model = single_words({"kaffe": 0.3, "te": 0.1})
    probabilities = dict(zip(model.vocabulary, 10 ** model.orders[0].log_probs, strict=True))
    assert sum(probabilities.values()) == pytest.approx(1)
    assert probabilities["kaffe"] == pytest.approx(3 * probabilities["te"])
    with pytest.raises(CorpusError, match="no words"):
        single_words({})


def test_mixture_knows_the_words_of_all_three(
    text: NgramModel, recipe: Recipe, packages: Path
) -> None:
    mixed = with_everyday_language(text, recipe, packages, held_out=[])
    assert {"knappen", "kaffe", "flink", "ikke", "hun"} <= set(mixed.vocabulary)
    assert "ola" not in mixed.vocabulary
    assert sum(len(ngrams.words) for ngrams in mixed.orders[1:]) < 2 * MIXTURE.max_ngrams
    assert np.sum(10 ** mixed.orders[0].log_probs[3:]) < 1


def test_recipe_without_a_mixture_leaves_the_model_as_it_is(
    text: NgramModel, recipe: Recipe, packages: Path
) -> None:
    assert recipe.language_model is not None
    plain = replace(recipe, language_model=replace(recipe.language_model, mixture=None))
    assert with_everyday_language(text, plain, packages, held_out=[]) is text


def test_held_out_sentence_is_not_made_up(recipe: Recipe) -> None:
    made = made_up(recipe, MIXTURE, [])
    assert made_up(recipe, MIXTURE, [made[0]]) == made[1:]
