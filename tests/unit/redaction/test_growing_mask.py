"""Words that arrive bit by bit are masked as all of them at once would be, and soon."""

from itertools import pairwise

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_words import said

from app.contract.answers import Word
from app.contract.redaction import REDACT_KINDS
from app.errors import InvalidRequestError
from app.itn import FormattingOptions, format_transcript
from app.pipeline.incremental import GrowingText
from app.redaction import GrowingMask, RedactionOptions, mask_hypotheses

ALL = RedactionOptions(frozenset(REDACT_KINDS), ("Ole Brumm", "Kari", "Anne-Lise van der Berg"))
NUMBERS = ("13097248022", "0412583410", "92223344", "5555555555554444", "4792223344")
LOOSE = (
    "ja", "vi", "ring", "nummeret", "fødselsnummer", "kari", "ole", "brumm", "anne", "lise", "van",
    "der", "berg", "krøllalfa", "snabel", "a", "at", "ett", "punktum", "strek", "no", "com",
    "firma", "i", "og", "eee", "pluss", "tolvte", "mai", "nittenåttifire", "to", "tre", "tjue",
    "hundre", "tusen", "en", "fredrik", "bindestrek", "92", "22", "3344", "kari@firma.no",
)  # fmt: skip
parts = st.lists(
    st.one_of(
        st.sampled_from(LOOSE),
        st.tuples(st.sampled_from(NUMBERS), st.booleans()).map(
            lambda item: said(item[0], "nb", pairs=item[1])
        ),
        st.just("fredrik punktum olsen krøllalfa firma punktum no"),
    ),
    max_size=30,
)
pauses = st.lists(st.sampled_from([0.0, 0.1, 0.8, 4.0]), min_size=1, max_size=5)
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def spoken(text: str, gaps: list[float]) -> list[Word]:
    words: list[Word] = []
    now = 0.0
    for index, each in enumerate(text.split()):
        words.append(Word(each, now, now + 0.2, 0.9))
        now += 0.2 + gaps[index % len(gaps)]
    return words


def chunks(words: list[Word], lengths: list[int]) -> list[list[Word]]:
    cut, index = [0], 0
    while cut[-1] < len(words):
        cut.append(cut[-1] + lengths[index % len(lengths)])
        index += 1
    return [words[start:stop] for start, stop in pairwise(cut)]


@settings(max_examples=examples(60), deadline=None)
@given(parts, pauses, sizes)
def test_parts_together_are_what_the_whole_text_gives(
    content: list[str], gaps: list[float], lengths: list[int]
) -> None:
    words = spoken(" ".join(content), gaps)
    (expected,), redactions = mask_hypotheses([words], "nb", ALL)
    mask = GrowingMask("nb", ALL)
    found: list[Word] = []
    for chunk in chunks(words, lengths):
        found += mask.add(chunk)
    found += mask.finish()
    assert tuple(found) == expected
    assert mask.redactions == redactions


@settings(max_examples=examples(15), deadline=None)
@given(parts, pauses, sizes)
def test_formatted_parts_together_are_the_formatted_masked_text(
    content: list[str], gaps: list[float], lengths: list[int]
) -> None:
    words = spoken(" ".join(content[:4]), [min(gap, 0.8) for gap in gaps])
    (masked,), _ = mask_hypotheses([words], "nb", ALL)
    deltas: list[str] = []
    text = GrowingText(
        "nb",
        FormattingOptions(),
        lambda delta: deltas.append(delta.text),
        mask=GrowingMask("nb", ALL),
    )
    for chunk in chunks(words, lengths):
        text.add(chunk, quiet_until=chunk[-1].end)
    text.finish()
    assert "".join(deltas) == format_transcript(masked, "nb", FormattingOptions()).text
    assert text.spoken == masked


def test_ordinary_words_are_held_back_for_one_word_only() -> None:
    mask = GrowingMask("nb", RedactionOptions(frozenset({"phone", "email"})))
    words = spoken("vi kan møtes der borte ved brygga", [0.1])
    assert [len(mask.add([word])) for word in words] == [0, 1, 1, 1, 1, 1, 1]
    assert mask.held == (words[-1],)


def test_number_is_held_back_until_it_has_ended() -> None:
    mask = GrowingMask("nb", RedactionOptions(frozenset({"phone"})))
    *before, last = spoken("ring ni to to to tre tre fire fire takk ja", [0.5])
    assert [word.word for word in mask.add(before[:6])] == ["ring"]
    assert len(mask.held) == 5
    found = [*mask.add(before[6:]), *mask.add([last])]
    assert [word.word for word in found][:2] == ["[telefonnummer]", "takk"]


def test_language_without_rules_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="da, nb, nn"):
        GrowingMask("sv", ALL)
