"""Frames of the words of a hypothesis, in C and in numpy."""

import numpy as np
import pytest
from emitted import VOCABULARY, emit

from app.decoding import word_timing
from app.decoding.columns import Alphabet, Columns
from app.decoding.word_timing import WordAligner
from app.vocabulary import Vocabulary

SURE = 0.9


@pytest.fixture(params=["native", "numpy"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(word_timing, "load_library", lambda: None)
    return str(request.param)


def columns_of(path: list[int], width: int) -> Columns:
    """Columns in which frame i most probably holds label path[i]."""
    columns = np.full((len(path), width), np.log((1 - SURE) / (width - 1)), np.float32)
    columns[np.arange(len(path)), path] = np.log(SURE)
    return columns


@pytest.mark.usefixtures("kernel")
def test_words_have_the_frames_from_their_first_letter_to_their_last() -> None:
    labels = ("", " ", "a", "b", "ch")
    path = [0, 2, 2, 0, 3, 0, 0, 1, 0, 4, 0, 2, 0, 0, 1, 3, 0]
    starts, stops, posteriors = WordAligner(labels).align(
        columns_of(path, len(labels)), ["ab", "cha", "b"], [(0, 7), (8, 14), (15, 17)]
    )
    assert (starts, stops) == ([1, 9, 15], [5, 12, 16])
    assert posteriors == pytest.approx([SURE] * 3)


@pytest.mark.usefixtures("kernel")
def test_words_are_found_where_no_label_separates_them() -> None:
    labels = ("", "a", "b")
    path = [0, 1, 0, 0, 0, 2, 2, 0, 1, 0]
    starts, stops, _ = WordAligner(labels).align(
        columns_of(path, len(labels)), ["a", "ba"], [(0, 3), (4, 10)]
    )
    assert (starts, stops) == ([1, 5], [2, 9])


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("separator", "stop"), [(" ", 2), ("a", 3)])
def test_frame_of_a_delimiter_alone_is_no_part_of_a_word(separator: str, stop: int) -> None:
    frame = [0.1, 0.6, 0.3]
    columns = np.log(np.array([[0.9, 0.05, 0.05], [0.1, 0.1, 0.8], frame, [0.9, 0.05, 0.05]]))
    found = WordAligner(("", separator, "b")).align(columns.astype(np.float32), ["b"], [(0, 4)])
    assert found == ([1], [stop], pytest.approx([0.8]))


@pytest.mark.usefixtures("kernel")
def test_posterior_is_the_geometric_mean_of_the_best_frame_of_each_letter() -> None:
    labels = ("", " ", "a", "b")
    columns = np.log(
        np.array(
            [
                [0.97, 0.01, 0.01, 0.01],
                [0.20, 0.05, 0.70, 0.05],
                [0.05, 0.05, 0.80, 0.10],
                [0.30, 0.05, 0.15, 0.50],
                [0.97, 0.01, 0.01, 0.01],
            ],
            np.float32,
        )
    )
    starts, stops, posteriors = WordAligner(labels).align(columns, ["ab"], [(0, 5)])
    assert (starts, stops) == ([1], [4])
    assert posteriors == pytest.approx([(0.8 * 0.5) ** 0.5])


@pytest.mark.usefixtures("kernel")
def test_longest_label_spells_a_word() -> None:
    labels = ("", " ", "a", "aa", "b")
    path = [0, 3, 0, 2, 0, 1, 4, 0]
    starts, stops, posteriors = WordAligner(labels).align(
        columns_of(path, len(labels)), ["aaa", "b"], [(0, 5), (6, 8)]
    )
    assert (starts, stops) == ([1, 6], [4, 7])
    assert posteriors == pytest.approx([SURE] * 2)


@pytest.mark.usefixtures("kernel")
def test_no_words_have_no_frames() -> None:
    assert WordAligner(("", " ", "a")).align(columns_of([0, 0], 3), [], []) == ([], [], [])


@pytest.mark.parametrize("delimiter", [1, None])
def test_numpy_gives_the_frames_of_the_compiled_functions(
    delimiter: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = VOCABULARY.tokens
    special = VOCABULARY.special if delimiter else VOCABULARY.special | {1}
    alphabet = Alphabet.of(Vocabulary(tokens, 0, delimiter, special))
    words = ["otto", "såg", "alle", "ballen", "i", "hall"]
    compiled = WordAligner(alphabet.labels)
    monkeypatch.setattr(word_timing, "load_library", lambda: None)
    plain = WordAligner(alphabet.labels)
    for seed in range(10):
        columns = alphabet.columns(emit(" ".join(words), doubt=0.6, seed=seed))
        roughly = [(0, len(columns))] * len(words)
        starts, stops, posteriors = compiled.align(columns, words, roughly)
        assert plain.align(columns, words, roughly) == (
            starts,
            stops,
            pytest.approx(posteriors, rel=1e-4),
        )
