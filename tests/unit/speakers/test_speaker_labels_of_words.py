"""Which speaker a word has, by the turns around it."""

from hypothesis import given
from hypothesis import strategies as st

from app.contract.answers import Word
from app.speakers import Turn, label_words


def labels(words: list[tuple[float, float]], turns: list[Turn]) -> list[str | None]:
    given_words = [Word("ja", start, end, 0.9) for start, end in words]
    return [word.speaker for word in label_words(given_words, turns)]


def test_word_has_the_speaker_who_speaks_for_most_of_it() -> None:
    turns = [Turn(0.0, 2.0, 7), Turn(2.0, 4.0, 3)]
    words = [(0.2, 0.5), (1.5, 2.2), (1.9, 2.6), (3.0, 3.2)]
    assert labels(words, turns) == ["speaker 1", "speaker 1", "speaker 2", "speaker 2"]


def test_of_two_who_speak_at_once_the_one_before_continues() -> None:
    turns = [Turn(0.0, 5.0, 0), Turn(2.0, 3.0, 1)]
    assert labels([(1.0, 1.5), (2.2, 2.6), (4.0, 4.2)], turns) == ["speaker 1"] * 3
    assert labels([(2.0, 2.9)], [Turn(0.0, 2.1, 0), Turn(2.0, 3.0, 1)]) == ["speaker 1"]


def test_word_outside_all_turns_has_the_nearest_speaker() -> None:
    turns = [Turn(1.0, 2.0, 0), Turn(5.0, 6.0, 1)]
    words = [(0.1, 0.3), (2.4, 2.8), (4.6, 4.9), (9.0, 9.5)]
    assert labels(words, turns) == ["speaker 1", "speaker 1", "speaker 2", "speaker 2"]


def test_long_turn_that_began_earlier_is_remembered() -> None:
    turns = [Turn(0.0, 100.0, 0), Turn(1.0, 2.0, 1), Turn(3.0, 4.0, 1)]
    words = [(0.5, 0.9), (50.0, 50.5), (99.0, 99.5)]
    assert labels(words, turns) == ["speaker 1"] * 3


def test_speakers_are_numbered_in_the_order_of_their_words() -> None:
    turns = [Turn(0.0, 1.0, 4), Turn(1.0, 2.0, 0), Turn(2.0, 3.0, 4)]
    words = [(1.1, 1.4), (2.1, 2.4)]
    assert labels(words, turns) == ["speaker 1", "speaker 2"]


def test_words_without_any_turn_have_one_speaker() -> None:
    assert labels([(0.0, 0.5), (1.0, 1.5)], []) == ["speaker 1", "speaker 1"]
    assert labels([], [Turn(0.0, 1.0, 0)]) == []


SPANS = st.lists(st.tuples(st.floats(0, 50), st.floats(0.01, 9)), max_size=12)
WORDS = st.lists(st.tuples(st.floats(0, 9), st.floats(0.01, 9)), max_size=12)


@given(WORDS, SPANS)
def test_labels_are_those_of_a_search_through_all_turns(
    words: list[tuple[float, float]], spans: list[tuple[float, float]]
) -> None:
    turns = [Turn(start, start + length, n) for n, (start, length) in enumerate(sorted(spans))]
    # Of one recording: none begins before the one before it ends.
    spoken: list[tuple[float, float]] = []
    for pause, length in words:
        start = (spoken[-1][1] if spoken else 0.0) + pause
        spoken.append((start, start + length))
    numbers: dict[str | None, int] = {}
    for (start, end), label in zip(spoken, labels(spoken, turns), strict=True):
        shared = [min(turn.end, end) - max(turn.start, start) for turn in turns]
        best = sorted(shared, reverse=True)[:2]
        # Where two turns are equally near, either may be taken.
        if len(turns) > 1 and best[0] - best[1] > 0.002:
            assert numbers.setdefault(label, shared.index(best[0])) == shared.index(best[0])
    assert len(set(numbers.values())) == len(numbers)


def test_known_speakers_have_their_names_and_the_others_are_numbered_without_them() -> None:
    turns = [Turn(0.0, 1.0, 2), Turn(1.0, 2.0, 0), Turn(2.0, 3.0, 1)]
    words = [Word("ja", start, start + 0.4, 0.9) for start in (0.2, 1.2, 2.2)]
    labelled = label_words(words, turns, {2: "Kari Nordmann"})
    assert [word.speaker for word in labelled] == ["Kari Nordmann", "speaker 1", "speaker 2"]
