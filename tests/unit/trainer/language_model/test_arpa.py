"""ARPA files, as KenLM reads them."""

from pathlib import Path

import kenlm
import pytest

from trainer.errors import LanguageModelError
from trainer.language_model.arpa import ngram_counts, read_arpa, unigrams, write_arpa
from trainer.language_model.kneser_ney import estimate


def test_kenlm_gives_equal_scores_for_our_file_and_that_of_lmplz(
    reference: Path, corpus: tuple[str, ...], tmp_path: Path
) -> None:
    write_arpa(estimate(corpus, order=3, prune=(0, 0, 1)), tmp_path / "ours.arpa")
    ours = kenlm.Model(str(tmp_path / "ours.arpa"))
    theirs = kenlm.Model(str(reference / "3gram-pruned.arpa"))
    assert ours.order == 3
    for sentence in (*corpus[:20], "vi ser ikke noe", "båten båten båten", "ukjente ord"):
        assert ours.score(sentence) == pytest.approx(theirs.score(sentence), abs=1e-4)


def test_arpa_header_has_the_ngram_counts(reference: Path) -> None:
    path = reference / "3gram.arpa"
    counts = ngram_counts(path)
    ngrams = [text.split() for text, _, _ in read_arpa(path)]
    assert counts == tuple(sum(len(words) == order for words in ngrams) for order in (1, 2, 3))
    assert len(unigrams(path)) == counts[0] - 3


def test_truncated_arpa_file_is_refused(reference: Path, tmp_path: Path) -> None:
    whole = (reference / "3gram.arpa").read_text("utf-8").splitlines()
    short = tmp_path / "short.arpa"
    short.write_text("\n".join(whole[:100]), "utf-8")
    with pytest.raises(LanguageModelError, match="cut off after line 100"):
        list(read_arpa(short))
    short.write_text("\n".join([*whole[:100], "viel\tord\t0"]), "utf-8")
    with pytest.raises(LanguageModelError, match="line 101 is no n-gram"):
        list(read_arpa(short))
