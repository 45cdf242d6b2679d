"""Mixtures of n-gram models, and reading back the n-grams of KenLM's files."""

import shutil
from pathlib import Path

import kenlm
import numpy as np
import pytest
from ngrams import SENTENCES

from trainer.adaptation.names import names_model
from trainer.errors import LanguageModelError
from trainer.language_model import NgramModel, estimate
from trainer.language_model.arpa import write_arpa
from trainer.language_model.mixture import Part, mix
from trainer.language_model.ngram_file import read_ngram_model

DATA = Path(__file__).resolve().parents[3] / "data" / "kenlm"
OTHERS = ("reguleringsplanen for sjøen er vedtatt", "det er en plan for havet", "vi vedtok planen")


def opened(model: NgramModel, folder: Path) -> kenlm.Model:
    folder.mkdir()
    write_arpa(model, folder / "model.arpa")
    return kenlm.Model(str(folder / "model.arpa"))


def table(model: NgramModel) -> dict[tuple[str, ...], tuple[float, float]]:
    """Log-probability and back-off of every n-gram by its words."""
    found = {}
    for order in model.orders:
        rows = zip(order.words.tolist(), order.log_probs, order.backoffs, strict=True)
        for ids, probability, backoff in rows:
            found[tuple(model.vocabulary[index] for index in ids)] = (probability, backoff)
    return found


def test_mixture_is_a_distribution_after_every_history(tmp_path: Path) -> None:
    names = names_model(("kari sundhaug", "åse"))
    mixture = mix(
        [
            Part(estimate(SENTENCES, order=4), 0.6),
            Part(estimate(OTHERS, order=3), 0.35),
            Part(names, 0.05, by_history=True),
        ]
    )
    model = opened(mixture, tmp_path / "mixture")
    assert model.order == 4
    words = [word for word in mixture.vocabulary if word not in {"<unk>", "<s>"}] + ["ukjentord"]
    for history in ("", "det er en", "vi vedtok", "kari", "reguleringsplanen for", "ukjentord er"):
        state, after = kenlm.State(), kenlm.State()
        model.BeginSentenceWrite(state)
        for word in history.split():
            model.BaseScore(state, word, after)
            state, after = after, state
        total = sum(10 ** model.BaseScore(state, word, after) for word in words)
        assert total == pytest.approx(1, abs=2e-4), history


def test_probability_of_an_ngram_is_the_weighted_sum_of_those_of_the_parts(tmp_path: Path) -> None:
    base, texts = estimate(SENTENCES, order=3), estimate(OTHERS, order=2)
    mixture = opened(mix([Part(base, 0.7), Part(texts, 0.3)]), tmp_path / "mixture")
    parts = [opened(base, tmp_path / "base"), opened(texts, tmp_path / "texts")]
    words = ["det", "er", "en", "god", "dag"]
    scored = [list(model.full_scores(" ".join(words))) for model in (mixture, *parts)]
    for mixed, of_base, of_texts in list(zip(*scored, strict=True))[:3]:
        # Unknown to one part, a word has nothing of it.
        expected = 0.7 * 10 ** of_base[0] + 0.3 * (0 if of_texts[2] else 10 ** of_texts[0])
        assert 10 ** mixed[0] == pytest.approx(expected, rel=1e-4)


def test_words_of_a_name_follow_each_other(tmp_path: Path) -> None:
    base = estimate(SENTENCES, order=3)
    names = names_model(("kari sundhaug", "ola sundhaug", "kari berg"))
    mixture = opened(
        mix([Part(base, 0.99), Part(names, 0.01, by_history=True)]), tmp_path / "mixture"
    )

    def of(text: str) -> float:
        return float(mixture.score(text, bos=False, eos=False))

    assert of("kari sundhaug") - of("kari") > of("sundhaug") + 1
    assert "sundhaug" in mixture


@pytest.mark.parametrize("name", ["trie.bin", "array.bin", "quantised.bin", "quantised-array.bin"])
def test_ngrams_of_a_trie_are_those_of_its_arpa_file(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "language_model"
    folder.mkdir()
    shutil.copy(DATA / name, folder)
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    (folder / "unigrams.txt").write_text("\n".join(words))
    arpa = tmp_path / "arpa"
    arpa.mkdir()
    shutil.copy(DATA / "4gram.arpa", arpa)
    found, expected = table(read_ngram_model(folder)), table(read_ngram_model(arpa))
    assert found.keys() == expected.keys()
    # Bins of 6 or 8 bits are what a quantised file has of a number.
    tolerance = 0.25 if "quantised" in name else 1e-6
    for ngram in expected.keys() - {("<s>",)}:
        assert found[ngram] == pytest.approx(expected[ngram], abs=tolerance), ngram


def test_hash_table_is_refused_with_a_remedy(tmp_path: Path) -> None:
    shutil.copy(DATA / "probing.bin", tmp_path)
    with pytest.raises(LanguageModelError, match=r"hash table.*bring its ARPA file instead"):
        read_ngram_model(tmp_path)


def test_folder_without_a_language_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="must hold one KenLM file"):
        read_ngram_model(tmp_path)


def test_mixture_of_one_model_scores_as_it_does(tmp_path: Path) -> None:
    model = estimate(SENTENCES, order=3)
    mixture = opened(mix([Part(model, 1.0)]), tmp_path / "mixture")
    alone = opened(model, tmp_path / "alone")
    for sentence in (*SENTENCES, *OTHERS):
        ours = np.array([score for score, _, _ in mixture.full_scores(sentence)])
        theirs = np.array([score for score, _, _ in alone.full_scores(sentence)])
        assert ours == pytest.approx(theirs, abs=1e-4)
