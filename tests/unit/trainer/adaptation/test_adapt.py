"""Language models of own texts for the bundled demo: what is published, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
from demo_model import DEMO
from ngrams import SENTENCES, write_language_model

from app.decoding import load_language_model
from app.vocabulary import Vocabulary
from trainer.adaptation.adapt import Request, adapt
from trainer.errors import LanguageModelError

VOCABULARY = Vocabulary(
    ("<pad>", "|", *"abcdefghijklmnopqrstuvwxyzæøå"), blank=0, delimiter=1, special=frozenset({0})
)
TEXTS = [
    f"Kommunestyret i Nordre Viken {verb} reguleringsplanen for {place} {when}."
    for verb in ("vedtar", "utsetter", "behandler", "avviser")
    for place in ("Strandholmen", "Fjellbyen", "Elvegata", "Bruneset")
    for when in ("i dag", "i morgen", "til høsten", "etter befaring")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint's folder with a language model of some everyday sentences."""
    write_language_model(tmp_path / "model" / "language_model", attributes={"alpha": 0.7})
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "minutes.txt").write_text("\n".join(TEXTS), "utf-8")
    return tmp_path / "model"


def request(folder: Path, **changes: object) -> Request:
    values = {"texts": (folder.parent / "texts",), "language": "nb", **changes}
    return Request(folder, lambda: VOCABULARY, **values)  # type: ignore[arg-type]


def perplexity(folder: Path, sentence: str) -> float:
    return float(load_language_model(folder).model.perplexity(sentence))


def test_mixture_predicts_the_texts_and_keeps_the_words_of_the_base(folder: Path) -> None:
    made = adapt(request(folder, name="council"))
    named, base = folder / "language_models" / "council", folder / "language_model"
    loaded = load_language_model(named)
    assert (loaded.alpha, loaded.order) == (0.7, 3)
    assert loaded.unigrams is not None
    assert {"reguleringsplanen", "strandholmen", "havet", "toget"} <= loaded.unigrams
    sentence = "kommunestyret i nordre viken behandler reguleringsplanen for elvegata til høsten"
    assert perplexity(named, sentence) < perplexity(base, sentence) / 20
    everyday = "han leser en lang bok om havet"
    assert perplexity(named, everyday) < 20 * perplexity(base, everyday)
    facts = json.loads((folder / "language_models" / "council.json").read_text("utf-8"))
    assert facts["held_out"]["after"]["perplexity"] < facts["held_out"]["before"]["perplexity"]
    assert sum(facts["mixture"].values()) == pytest.approx(1, abs=1e-4)
    assert facts["texts"]["sentences"] == len(TEXTS)
    assert facts["new_words"] == made.new_words > 10
    assert facts["former"] is None


def test_names_are_known_and_their_mass_is_their_own(folder: Path) -> None:
    names = folder.parent / "names.txt"
    names.write_text("Kari Sundhaug\nÅsgard\n", "utf-8")
    adapt(request(folder, texts=(), names=names, name="names"))
    named = folder / "language_models" / "names"
    loaded = load_language_model(named)
    assert loaded.unigrams is not None
    assert {"kari", "sundhaug", "åsgard"} <= loaded.unigrams
    for sentence in SENTENCES:
        assert perplexity(named, sentence) < 1.1 * perplexity(folder / "language_model", sentence)
    model = loaded.model
    together = model.score("kari sundhaug", bos=False, eos=False)
    apart = sum(model.score(word, bos=False, eos=False) for word in ("kari", "sundhaug"))
    assert together > apart + 1


def test_replaced_language_model_is_kept(folder: Path) -> None:
    before = (folder / "language_model" / "3gram.arpa").read_bytes()
    made = adapt(request(folder, name="default"))
    assert made.former == folder / "former_language_models" / "language_model-1"
    assert (made.former / "3gram.arpa").read_bytes() == before
    loaded = load_language_model(folder / "language_model")
    assert loaded.unigrams is not None
    assert {"strandholmen", "havet"} <= loaded.unigrams


def test_texts_that_the_base_predicts_better_change_nothing(folder: Path) -> None:
    known = folder.parent / "known.txt"
    known.write_text("\n".join(SENTENCES), "utf-8")
    with pytest.raises(LanguageModelError, match=r"texts do not help: .* nothing was changed"):
        adapt(request(folder, texts=(known,), name="known"))
    assert not (folder / "language_models" / "known").exists()


def test_named_one_that_has_more_of_the_texts_is_not_replaced(folder: Path) -> None:
    adapt(request(folder, name="council"))
    everything = write_language_model(
        folder.parent / "all", [line.rstrip(".").lower() for line in TEXTS], order=5
    )
    shutil.rmtree(folder / "language_models" / "council")
    (folder / "language_models" / "council.sha256").unlink()
    everything.rename(folder / "language_models" / "council")
    with pytest.raises(LanguageModelError, match=r"council that is there .* nothing"):
        adapt(request(folder, name="council"))
    assert load_language_model(folder / "language_models" / "council").order == 5
    assert not (folder / "former_language_models").exists()


def test_few_sentences_without_a_base_are_refused(folder: Path) -> None:
    shutil.rmtree(folder / "language_model")
    few = folder.parent / "few.txt"
    few.write_text(
        "Rådet møtes i morgen. Planen ble vedtatt. Saken utsettes. Ordføreren takket for alt. "
        "Kaffe serveres ute. Bussen går klokka ni. Været var vakkert. Alle reiste hjem."
    )
    with pytest.raises(LanguageModelError, match=r"8 sentences are too few .* would hide them"):
        adapt(request(folder, texts=(few,), name="few"))
    with pytest.raises(LanguageModelError, match="no language model to add names to"):
        adapt(request(folder, texts=(), names=few, name="few"))
    assert adapt(request(folder, name="council")).weights == {"texts": 1.0}


@pytest.mark.parametrize("name", ["", "../up", "a b", ".hidden", "å"])
def test_names_that_are_no_folder_names_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(LanguageModelError, match="no name for a language model"):
        adapt(request(folder, name=name))


def test_letters_that_the_model_lacks_are_refused(folder: Path) -> None:
    capitals = Vocabulary(
        ("<pad>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅ"), 0, delimiter=1, special=frozenset({0})
    )
    other = Request(folder, lambda: capitals, "nb", (folder.parent / "texts",), name="council")
    with pytest.raises(Exception, match="upper case"):
        adapt(other)
    assert not (folder / "language_models" / "council").exists()


@pytest.mark.long
def test_base_of_the_bundled_demo_can_be_mixed(tmp_path: Path) -> None:
    """A quantised trie without words: what the demos have, and what `lm` writes."""
    shutil.copytree(DEMO / "language_model", tmp_path / "model" / "language_model")
    names = tmp_path / "names.txt"
    names.write_text("Bjarkøyværingen\n", "utf-8")
    made = adapt(request(tmp_path / "model", texts=(), names=names, name="names"))
    own = load_language_model(DEMO / "language_model")
    loaded = load_language_model(tmp_path / "model" / "language_models" / "names")
    assert made.new_words == 1
    assert own.unigrams is not None
    assert loaded.unigrams == own.unigrams | {"bjarkøyværingen"}
    for sentence in ("velg en fil for å lagre bildet", "regn til dels kraftig"):
        assert loaded.model.score(sentence) == pytest.approx(own.model.score(sentence), abs=0.3)
