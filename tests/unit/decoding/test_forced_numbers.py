"""Forced alignment of numbers: their spoken forms, and words whose sound is unknown."""

import pytest
from aligned import align, frames
from spoken import spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken_words"),
    [
        ("nb", "21", "tjueen"),
        ("nb", "7", "syv"),
        ("nb", "3.", "tredje"),
        ("nb", "1998", "nittennittiåtte"),
        ("nb", "1998", "nittenhundreognittiåtte"),
        ("nb", "112", "enento"),
        ("nb", "112233", "ellevetjuetotrettitre"),
        ("nb", "1.200", "etttusentohundre"),
        ("nb", "2,5", "tokommafem"),
        ("nb", "12:30", "tolvtretti"),
        ("nb", "7-åring", "sjuåring"),
        ("nb", "5%", "femprosent"),
        ("nn", "21", "tjueein"),
        ("da", "21", "enogtyve"),
        ("da", "75.", "femoghalvfjerdsindstyvende"),
        ("da", "1985", "nittenhundredefemogfirs"),
    ],
)
def test_number_is_found_in_its_spoken_form(language: str, written: str, spoken_words: str) -> None:
    emissions, spans = spoken(["det", "var", spoken_words, "eller", "noe"])
    words = align(emissions, f"Det var {written} eller noe.", language)
    assert [word.found for word in words] == [True] * 5
    assert frames(words[2]) == spans[2]
    assert words[2].score > 0.9
    assert "".join(part.text for part in words[2].characters) == written.rstrip(".").replace(
        "-", ""
    )


@pytest.mark.parametrize(
    ("audio_words", "text"),
    [
        (["sju", "tjueto"], "7 22"),
        (["syv", "tyveto"], "7 22"),
        (["syv", "år"], "7 år"),
        (["år", "syv"], "år 7"),
        (["to", "syv", "enento", "år"], "to 7 112 år"),
        (["syv", "ellevetjuetotrettitre"], "7 112233"),
        (["ja", "syv", "nei", "tyveto", "år", "enento"], "ja 7 nei 22 år 112"),
    ],
)
def test_numbers_are_found_at_the_ends_and_side_by_side(audio_words: list[str], text: str) -> None:
    emissions, spans = spoken(audio_words)
    words = align(emissions, text)
    assert [frames(word) for word in words] == spans
    assert all(word.found and word.score == pytest.approx(0.97, abs=0.01) for word in words)


@pytest.mark.parametrize(
    ("number", "recognised", "found"),
    [
        ("sju", "sku", True),
        ("sju", "mkå", False),
        ("tretti", "brefki", True),
        ("tretti", "brefka", False),
        ("tjuetre", "tbuåfrk", True),
    ],
)
def test_number_is_found_with_as_many_errors_as_its_word(
    number: str, recognised: str, found: bool
) -> None:
    emissions, spans = spoken(["det", recognised, "år"])
    as_word = align(emissions, f"det {number} år")
    digits = {"sju": "7", "tjuetre": "23", "tretti": "30"}[number]
    as_number = align(emissions, f"det {digits} år")
    assert [as_word[1].found, as_number[1].found] == [found, found]
    assert as_word[1].score == pytest.approx(as_number[1].score)
    assert frames(as_number[1]) == spans[1]


def test_numbers_side_by_side_are_found_with_errors_in_both() -> None:
    emissions, spans = spoken(["det", "tbuåfrk", "smk", "år"])
    words = align(emissions, "det 23 7 år")
    assert words[1].found
    assert [frames(word) for word in words] == spans


def test_number_that_is_not_spoken_is_not_found() -> None:
    emissions, spans = spoken(["nei", "nei"])
    words = align(emissions, "nei 7 nei")
    assert [word.found for word in words] == [True, False, True]
    assert words[1].score == 0
    assert [frames(words[0]), frames(words[2])] == spans


def test_form_of_a_number_that_is_too_long_for_the_audio_is_left_out() -> None:
    emissions, spans = spoken(["ja", "enento", "nei"], pause=1, character=1)
    words = align(emissions, "ja 112 nei")
    assert [word.found for word in words] == [True] * 3
    assert [frames(word) for word in words] == spans


def test_number_without_a_spoken_form_is_placed_between_its_neighbours() -> None:
    emissions, spans = spoken(["det", "var", "tjuguett", "eller", "noe"])
    words = align(emissions, "Det var 21 eller noe.", language="sv")
    assert [word.found for word in words] == [True, True, False, True, True]
    start, end = frames(words[2])
    assert spans[2][0] - 1 <= start < end <= spans[2][1] + 1


def test_word_of_unknown_sound_is_located_beside_a_number() -> None:
    emissions, spans = spoken(["det", "enogtyve", "zuk", "var"])
    words = align(emissions, "det 21 жук var", language="da")
    assert [word.found for word in words] == [True, False, False, True]
    assert [frames(word) for word in words] == spans
