"""Text that is emitted in parts, and equals the text of the whole."""

from itertools import pairwise

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.answers import Word
from app.itn import FormattingOptions, finished_words, format_transcript
from app.pipeline.incremental import GrowingText, TextDelta

TEXTS = ("vi", "kom", "og", "den", "tolvte", "mai", "klokka", "halv", "åtte", "tjue", "tre", "eee")


def timed(*parts: tuple[str, float]) -> list[Word]:
    """Words of 0.2 s, each after a pause in seconds."""
    now, words = 0.0, []
    for text, pause in parts:
        now += pause
        words.append(Word(text, now, now + 0.2, 0.9))
        now += 0.2
    return words


def grow(
    words: list[Word], cuts: list[int], formatting: FormattingOptions | None
) -> tuple[GrowingText, list[TextDelta]]:
    """Adds the words in parts that end before these indexes."""
    emitted: list[TextDelta] = []
    text = GrowingText("nb", formatting, emitted.append)
    edges = [0, *sorted(cuts), len(words)]
    for start, stop in pairwise(edges):
        until = words[stop].start if stop < len(words) else words[-1].end
        text.add(words[start:stop], quiet_until=until)
    text.finish()
    return text, emitted


WORDS = st.lists(
    st.tuples(st.sampled_from(TEXTS), st.sampled_from([0.0, 0.2, 0.4, 0.8, 1.5, 2.5])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=examples(150), deadline=None)
@given(WORDS, st.lists(st.integers(0, 25), max_size=5), st.booleans(), st.booleans())
def test_emitted_parts_join_to_the_whole_text(
    parts: list[tuple[str, float]], cuts: list[int], format_text: bool, remove: bool
) -> None:
    words = timed(*parts)
    formatting = FormattingOptions(remove_hesitations=remove) if format_text else None
    text, emitted = grow(words, [min(cut, len(words)) for cut in cuts], formatting)
    expected = format_transcript(words, "nb", formatting).words if formatting else tuple(words)
    assert "".join(delta.text for delta in emitted) == " ".join(word.word for word in expected)
    assert text.written == expected
    assert text.spoken == tuple(words)
    assert all(delta.words for delta in emitted)


def test_sentence_is_emitted_after_its_pause() -> None:
    emitted: list[TextDelta] = []
    text = GrowingText("nb", FormattingOptions(), emitted.append)
    text.add(timed(("vi", 0), ("kom", 0)), quiet_until=0.9)
    assert emitted == []
    text.add([], quiet_until=1.1)
    assert [delta.text for delta in emitted] == ["Vi kom."]


def test_verbatim_words_are_emitted_at_once() -> None:
    _, emitted = grow(timed(("halv", 0), ("åtte", 0), ("er", 0)), [1, 2], None)
    assert [delta.text for delta in emitted] == ["halv", " åtte", " er"]


def test_overlong_sentence_is_emitted_up_to_its_longest_late_pause() -> None:
    parts = [("ord", 0.3)] * 200
    parts[150] = ("nå", 0.5)
    words = timed(*parts)
    emitted: list[TextDelta] = []
    text = GrowingText("nb", FormattingOptions(), emitted.append)
    text.add(words, quiet_until=words[-1].end)
    assert len(emitted) == 1
    assert len(emitted[0].words) == 150
    text.finish()
    assert emitted[1].text.startswith(" Nå")


def test_word_that_cannot_end_a_sentence_keeps_it_open() -> None:
    words = timed(("vi", 0), ("og", 0))
    assert finished_words(words, "nb", next_start=words[-1].end + 1.5) == 0
    assert finished_words(words, "nb", next_start=words[-1].end + 2.5) == 2


def test_removed_hesitation_does_not_end_a_sentence() -> None:
    words = timed(("vi", 0), ("eee", 0.4), ("kom", 0.4), ("ja", 0.8))
    chosen = FormattingOptions(remove_hesitations=True)
    assert finished_words(words, "nb", chosen, next_start=words[-1].end) == 3
