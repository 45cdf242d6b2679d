"""The words of a text that are closest to what was read, against every part there is."""

from hypothesis import given
from hypothesis import strategies as st

from trainer.segmentation.fitting import fit

WORDS = st.lists(st.text("ab", min_size=1, max_size=3), max_size=6)


def edits(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for number, letter in enumerate(left, start=1):
        last, row[0] = row[0], number
        for place, other in enumerate(right, start=1):
            last, row[place] = (
                row[place],
                min(last + (letter != other), row[place] + 1, row[place - 1] + 1),
            )
    return row[-1]


@given(st.text("ab", max_size=8), WORDS)
def test_no_other_words_are_closer(read: str, words: list[str]) -> None:
    found = fit(read, words)
    assert edits(read, "".join(words[found.first : found.past])) == found.distance
    assert found.distance == min(
        edits(read, "".join(words[first:past]))
        for first in range(len(words) + 1)
        for past in range(first, len(words) + 1)
    )


def test_words_are_found_in_the_midst_of_others() -> None:
    text = "møtet er satt vi går til dagens første sak som er budsjettet"
    words = text.split()
    found = fit("vigårtildagensfrøstesak", words)
    assert words[found.first : found.past] == ["vi", "går", "til", "dagens", "første", "sak"]
    assert found.distance == 2


def test_compound_that_was_read_in_two_words_is_found() -> None:
    found = fit("denreguleringsplanen", ["se", "den", "regulerings", "planen", "nå"])
    assert (found.first, found.past, found.distance) == (1, 4, 0)
