"""Formatting of transcripts: sentences and commas by pauses, times kept, words left out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract.answers import Word
from app.contract.segments import MAX_PAUSE
from app.errors import ConfigurationError
from app.itn import FormattingOptions, format_transcript, read_word_list


def spoken(text: str) -> list[Word]:
    """Words of 0.2 s, one after the other; a number among them is a pause in seconds."""
    now, words = 0.0, []
    for part in text.split():
        if part[0].isdigit():
            now += float(part)
            continue
        words.append(Word(part, now, now + 0.2, 0.9))
        now += 0.2
    return words


def readable(text: str, language: str = "nb", **options: object) -> str:
    return format_transcript(spoken(text), language, FormattingOptions(**options)).text  # type: ignore[arg-type]


def test_long_pauses_end_sentences_and_short_ones_give_commas() -> None:
    text = readable("vi kom sent 0.7 bussen var full 0.4 men vi rakk det")

    assert text == "Vi kom sent. Bussen var full, men vi rakk det."


def test_without_pauses_there_is_one_sentence() -> None:
    assert readable("ja det er bra") == "Ja det er bra."


def test_sentence_ends_where_a_segment_ends() -> None:
    assert FormattingOptions().sentence_pause == MAX_PAUSE


def test_word_that_cannot_end_a_sentence_needs_a_longer_pause() -> None:
    assert readable("hun kom og 1.0 gikk") == "Hun kom og gikk."
    assert readable("hun kom og 2.5 ja") == "Hun kom og. Ja."


def test_no_comma_after_a_preposition_or_inside_a_date() -> None:
    text = readable("vi møttes i 0.4 oslo den 0.4 tolvte 0.4 mai 0.4 nitten førtito")

    assert text == "Vi møttes i oslo den 12. mai 1942."


def test_final_ordinal_has_one_full_stop() -> None:
    assert readable("hun kommer den tolvte") == "Hun kommer den 12."
    assert readable("den tolvte 0.4 altså i morgen") == "Den 12., altså i morgen."


def test_pauses_are_configurable() -> None:
    words = "ja 0.5 det er bra"

    assert readable(words, comma_pause=0.6) == "Ja det er bra."
    assert readable(words, sentence_pause=0.4) == "Ja. Det er bra."


@pytest.mark.parametrize(
    "pauses",
    [
        {"comma_pause": -0.1},
        {"comma_pause": 0.8},
        {"sentence_pause": 3.0},
        {"sentence_pause": float("nan")},
    ],
)
def test_pauses_in_the_wrong_order_are_refused(pauses: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rising order"):
        FormattingOptions(**pauses)


def test_written_word_spans_the_times_of_its_spoken_words() -> None:
    spoken = [
        Word("klokka", 0.1, 0.5, 0.9),
        Word("halv", 0.6, 0.8, 0.7),
        Word("åtte", 0.8, 1.2, 0.95),
        Word("kom", 1.2, 1.4, 0.8),
        Word("ho", 1.4, 1.6, 1.0),
    ]

    assert format_transcript(spoken, "nn").words == (
        Word("Klokka", 0.1, 0.5, 0.9),
        Word("7.30", 0.6, 1.2, 0.7),
        Word("kom", 1.2, 1.4, 0.8),
        Word("ho.", 1.4, 1.6, 1.0),
    )


def test_digit_grouping_follows_the_language() -> None:
    assert readable("femten tusind kroner", "da") == "15.000 kroner."
    assert readable("femten tusen kroner", "nb") == "15\N{NO-BREAK SPACE}000 kroner."


def test_numbers_are_kept_as_words_on_request() -> None:
    assert readable("klokken halv ni", "da", numbers=False) == "Klokken halv ni."


def test_hesitations_are_removed_on_request_only() -> None:
    words = "jeg eee mener mmm at qqq det øhm går"

    assert readable(words) == "Jeg eee mener mmm at qqq det øhm går."
    assert readable(words, remove_hesitations=True) == "Jeg mener at det går."


@pytest.mark.parametrize("word", ["eee", "qqq", "mmm", "øh", "øhm", "eh", "ehm", "hmm", "æh"])
def test_hesitation_sounds_are_recognised(word: str) -> None:
    assert readable(f"ja {word} da", "da", remove_hesitations=True) == "Ja da."


@pytest.mark.parametrize("word", ["e", "æ", "å", "mm", "he", "ham", "hem", "øy", "ah"])
def test_words_are_not_hesitations(word: str) -> None:
    assert readable(f"ja {word} da", remove_hesitations=True) == f"Ja {word} da."


def test_removed_hesitation_is_not_a_pause() -> None:
    words = [
        Word("jeg", 0.0, 0.2, 1.0),
        Word("eee", 0.3, 1.9, 1.0),
        Word("kommer", 2.0, 2.4, 1.0),
    ]

    result = format_transcript(words, "nb", FormattingOptions(remove_hesitations=True))

    assert result.text == "Jeg kommer."


def test_numbers_are_read_across_a_removed_hesitation() -> None:
    assert readable("to hundre eee og tolv", remove_hesitations=True) == "212."


@pytest.mark.parametrize(
    ("language", "spoken", "shown"),
    [
        ("da", "fandens osse", "F****** osse."),
        ("nb", "det er faen ikke sant", "Det er f*** ikke sant."),
        ("nn", "for noko dritt", "For noko d****."),
        ("no", "faen", "F***."),
    ],
)
def test_profanities_are_masked_on_request(language: str, spoken: str, shown: str) -> None:
    assert readable(spoken, language, mask_profanities=True) == shown
    assert "*" not in readable(spoken, language)


def test_operators_list_replaces_the_bundled_one(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# ours\nBanan\n\nagurk*  # and all that begins so\n", "utf-8")
    words = read_word_list(path)

    text = readable("banan bananer agurktid faen", mask_profanities=True, profanities=words)

    assert text == "B**** bananer a******* faen."


@pytest.mark.parametrize("content", ["two words", "*", "in*side"])
def test_malformed_word_list_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(f"good\n{content}\n", "utf-8")

    with pytest.raises(ConfigurationError, match=r"line 2: .* must be one word"):
        read_word_list(path)


def test_missing_word_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_word_list(tmp_path / "none.txt")


def test_no_words_give_no_text() -> None:
    result = format_transcript([], "da")

    assert (result.text, result.words) == ("", ())
    only = format_transcript(spoken("eee øh"), "da", FormattingOptions(remove_hesitations=True))
    assert (only.text, only.words) == ("", ())


def test_other_languages_are_cut_into_sentences() -> None:
    assert readable("vi ses klockan tjugo 0.7 hej", "sv") == "Vi ses klockan tjugo. Hej."


SPOKEN = "eee klokka halv åtte den tolvte mai nitten hundre og to faen hus"
spoken_words = st.lists(
    st.tuples(
        st.sampled_from(SPOKEN.split()),
        st.floats(0, 3),
    ),
    max_size=20,
)


@given(spoken_words, st.booleans(), st.booleans())
def test_words_join_to_the_text_and_their_times_ascend(
    spoken: list[tuple[str, float]], remove: bool, masked: bool
) -> None:
    now, words = 0.0, []
    for text, pause in spoken:
        words.append(Word(text, now + pause, now + pause + 0.3, 0.5))
        now = words[-1].end
    options = FormattingOptions(remove_hesitations=remove, mask_profanities=masked)

    result = format_transcript(words, "nb", options)

    assert result.text == " ".join(word.word for word in result.words)
    assert result.text.split(" ") == ([word.word for word in result.words] or [""])
    assert all(a.end <= b.start for a, b in zip(result.words, result.words[1:], strict=False))
    assert {word.start for word in result.words} <= {word.start for word in words}
    assert not result.text or result.text.endswith(".")
    assert format_transcript(words, "nb", options) == result
