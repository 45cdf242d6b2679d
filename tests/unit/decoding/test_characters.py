"""Unknown words are scored by their spelling where the language model has a weight for it."""

from pathlib import Path

import numpy as np
import pytest
from emitted import FRAME, VOCABULARY, emit
from ngrams import SENTENCES, write_language_model

from app.decoding import (
    BeamDecoder,
    DecodingOptions,
    LanguageModel,
    ModelDecoders,
    load_language_model,
)
from app.decoding.native import Characters, load_library
from app.errors import ConfigurationError

SPELLED = {"unk_character_weight": 0.5, "unk_character_offset": 2.0}
FLAT = {"unk_character_weight": 0.0}


def characters(*words: str) -> Characters:
    library = load_library()
    assert library is not None
    return Characters(library, words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_model(tmp_path_factory.mktemp("lm") / "language_model")


def mixed(text: str, other: str, *, doubt: float) -> np.ndarray:
    """Emissions of two texts that differ in letters; `doubt` of the probability is the other's."""
    one, two = (np.exp(emit(spoken)) for spoken in (text, other))
    return np.asarray(np.log((1 - doubt) * one + doubt * two), dtype=np.float32)


def read(model: LanguageModel, emissions: np.ndarray) -> str:
    decoder = BeamDecoder(VOCABULARY, language_model=model, backend="native")
    return decoder.decode(emissions, frame_seconds=FRAME, duration=len(emissions) * FRAME).text


def test_spellings_of_the_language_are_likelier() -> None:
    model = characters("skole", "skolene", "dag", "dagen", "skolegård", "gårdene")
    likely, unlikely, foreign = model.scores(["skoledagen", "sgoledakxn", "школа"])
    assert foreign < unlikely < likely < 0


def test_scores_of_all_words_of_few_letters_add_up_to_less_than_one() -> None:
    letters = "ab"
    words = [a + b + c for a in letters for b in ["", *letters] for c in ["", *letters]]
    distinct = sorted({word for word in words if word})
    total = float(np.sum(10 ** characters("a", "ab", "b", "bab").scores(distinct)))
    assert 0.3 < total < 1


def test_each_word_is_scored_by_itself() -> None:
    model = characters("sjø", "sjøen", "ås")
    together = model.scores(["sjøs", "åsen", ""])
    alone = [float(model.scores([word])[0]) for word in ("sjøs", "åsen", "")]
    assert together.tolist() == alone


def test_unknown_word_is_read_as_the_language_spells_it(folder: Path) -> None:
    emissions = mixed("vi reiser til havbyen", "vi reiser til hxvbywn", doubt=0.55)
    assert read(load_language_model(folder, FLAT), emissions) == "vi reiser til hxvbywn"
    assert read(load_language_model(folder, SPELLED), emissions) == "vi reiser til havbyen"


def test_long_unknown_word_costs_no_more_than_its_spelling(tmp_path: Path) -> None:
    """One penalty for each six letters has the search drop a long word before it ends."""
    sentences = (*SENTENCES, "det er kommunestyremøtet", "han leser om kommunesaken")
    folder = write_language_model(tmp_path / "language_model", sentences)
    emissions = mixed("det er kommunestyresaken", "det er kommunestyremøtet", doubt=0.25)
    assert read(load_language_model(folder, FLAT), emissions) == "det er kommunestyremøtet"
    assert read(load_language_model(folder, SPELLED), emissions) == "det er kommunestyresaken"


def test_known_words_keep_their_score(folder: Path) -> None:
    def score(setting: dict[str, float]) -> float:
        emissions = emit(SENTENCES[0])
        decoder = BeamDecoder(VOCABULARY, language_model=load_language_model(folder, setting))
        return decoder.decode(emissions, frame_seconds=FRAME, duration=9.0).score

    assert score(SPELLED) == pytest.approx(score(FLAT), abs=1e-6)


def test_weight_of_a_card_reaches_the_search(folder: Path) -> None:
    emissions = mixed("vi reiser til havbyen", "vi reiser til hxvbywn", doubt=0.55)
    decoders = ModelDecoders(VOCABULARY, [folder.parent], "native", tuple(SPELLED.items()))
    assert decoders.decode(
        emissions, DecodingOptions(), frame_seconds=FRAME, duration=len(emissions) * FRAME
    )[0].text == "vi reiser til havbyen"  # fmt: skip


def test_weight_without_a_list_of_words_changes_nothing(tmp_path: Path) -> None:
    folder = write_language_model(tmp_path / "language_model")
    (folder / "unigrams.txt").unlink()
    emissions = mixed("vi reiser til havbyen", "vi reiser til hxvbywn", doubt=0.55)
    assert read(load_language_model(folder, SPELLED), emissions) == read(
        load_language_model(folder, FLAT), emissions
    )


def test_score_of_unknown_words_is_changed_in_memory(folder: Path) -> None:
    emissions = mixed("vi reiser til havbyen", "vi reiser til hxvbywn", doubt=0.55)
    flat = load_language_model(folder, FLAT)
    assert read(flat, emissions) == "vi reiser til hxvbywn"
    assert read(flat.with_spelling(0.5, 2.0), emissions) == "vi reiser til havbyen"
    assert read(flat, emissions) == "vi reiser til hxvbywn"


def test_search_for_one_hypothesis_finds_the_best_of_many(folder: Path) -> None:
    """Unknown words that end alike are kept once in it; of those the best one must be left."""
    model = load_language_model(folder, SPELLED)
    for spoken, other in (
        ("vi reiser til havbyene", "vi reiser tix hevbywne"),
        ("han kommer fra skoledalen", "hen kommex fra skuledaxen"),
        ("brunesund og fjellvika", "brinesund ug fjillveka"),
    ):
        emissions = mixed(spoken, other, doubt=0.45)
        decoder = BeamDecoder(VOCABULARY, DecodingOptions(n_best=20), model, backend="native")
        many = decoder.n_best(emissions, frame_seconds=FRAME, duration=len(emissions) * FRAME)
        assert read(model, emissions) == many[0].text


def test_weight_below_zero_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="unk_character_weight is -1"):
        load_language_model(folder, {"unk_character_weight": -1.0})
