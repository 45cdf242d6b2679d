"""Number words to digits: 200 lines of examples a language, and generated numbers."""

import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import numerals
from app.itn import write_numbers

LINES = Path(__file__).parents[2] / "data" / "itn"
LANGUAGES = ("da", "nb", "nn")
STYLE_BEGINS = 10


def written(text: str, language: str, *pauses: int) -> str:
    pieces = write_numbers(text.split(), language, pauses=frozenset(pauses))
    return " ".join(piece.text for piece in pieces)


def lines(language: str) -> list[tuple[str, str]]:
    rows = (LINES / f"{language}.tsv").read_text("utf-8").splitlines()
    return [(spoken, expected) for spoken, expected in (row.split("\t") for row in rows)]


def grouped(number: int, language: str) -> str:
    text = f"{number:_}" if number >= 10_000 else str(number)
    return text.replace("_", "." if language == "da" else "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_line_is_written_as_expected(language: str) -> None:
    rows = lines(language)
    wrong = [
        (spoken, expected, found)
        for spoken, expected in rows
        if (found := written(spoken, language)) != expected
    ]

    assert len({spoken for spoken, _ in rows}) >= 200
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_have_only_letters_of_the_models(language: str) -> None:
    letters = set("abcdefghijklmnopqrstuvwxyzæøå ")

    for spoken, expected in lines(language):
        assert set(spoken) <= letters, spoken
        assert unicodedata.is_normalized("NFC", expected)


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_are_read_in_one_word_and_in_several(language: str) -> None:
    numbers = [*range(STYLE_BEGINS, 300), *random.Random(1).sample(range(300, 10**6), 300)]
    # Lone hundreds and thousands are words unless they count something.
    for number in (n for n in numbers if n not in (100, 1000)):
        for neuter in (False, True):
            spoken = numerals.cardinal(number, language, neuter=neuter)
            assert written(spoken, language) == grouped(number, language), spoken
            fused = spoken.replace(" ", "")
            assert written(fused, language) == grouped(number, language), fused


@pytest.mark.parametrize("language", LANGUAGES)
def test_ordinals_are_read_before_a_month(language: str) -> None:
    for day in range(1, 32):
        spoken = f"den {numerals.ordinal(day, language)} juni"
        assert written(spoken, language) == f"den {day}. juni"


@pytest.mark.parametrize("language", LANGUAGES)
def test_spoken_years_are_read(language: str) -> None:
    for year in [*range(1100, 1900, 7), *range(1900, 2040), 2099]:
        spoken = f"i {numerals.year(year, language)}"
        assert written(spoken, language) == f"i {year}", spoken


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("da", "jeg så en to tre fire fugle"),
        ("da", "det er en god ide"),
        ("da", "tusind tak for i går"),
        ("nb", "på den ene siden og den andre siden"),
        ("nb", "det er en av oss"),
        ("nb", "to eller tre ganger"),
        ("nb", "flere hundre mennesker"),
        ("nn", "ho kom attende kvart år"),
        ("nn", "eit par tusen"),
        ("nn", "det første og det andre"),
    ],
)
def test_words_that_are_not_amounts_stay(language: str, text: str) -> None:
    assert written(text, language) == text


def test_pause_separates_numbers() -> None:
    assert written("tjue tre", "nb") == "23"
    assert written("tjue tre", "nb", 1) == "20 tre"
    assert written("to hundrede og tolv", "da", 3) == "200 og 12"
    assert written("i nitten førtito", "nn", 2) == "i 19 42"


def test_norwegian_without_a_variety_is_read_as_bokmaal() -> None:
    assert written("den sjuende juni nitten null fem", "no") == "den 7. juni 1905"


def test_other_languages_keep_their_words() -> None:
    assert written("tjugo tre", "sv") == "tjugo tre"


NUMBER_WORDS = (
    "en et ei ett ein eitt to tre fem ti tolv nitten tyve tjue treogtyve tjuetre hundre hundrede "
    "tusen tusind million millioner og komma null halv kvart over på i klokka klokken den første "
    "andre anden tolvte maj mai til mellom mellem kroner år åttitallet minutter er hus"
)


@given(
    st.lists(st.sampled_from(NUMBER_WORDS.split()), max_size=14),
    st.sampled_from(LANGUAGES),
    st.frozensets(st.integers(0, 14)),
)
def test_every_word_is_in_exactly_one_piece(
    words: list[str], language: str, pauses: frozenset[int]
) -> None:
    pieces = write_numbers(words, language, pauses=pauses)

    covered = [i for piece in pieces for i in range(piece.first, piece.last + 1)]
    assert covered == list(range(len(words)))
    assert all(piece.text and " " not in piece.text for piece in pieces)
