"""Numbers verbalised in three languages."""

from itertools import islice

import pytest

from app.numerals import cardinal, ordinal, year
from trainer.errors import CorpusError
from trainer.recipe import load_recipe
from trainer.text.corpus import text_of
from trainer.text.numbers import clock_time, number_sentences
from trainer.text.sentences import clean

LANGUAGES = ("da", "nb", "nn")


@pytest.mark.parametrize(
    ("number", "danish", "bokmaal", "nynorsk"),
    [
        (0, "nul", "null", "null"),
        (1, "en", "en", "ein"),
        (7, "syv", "sju", "sju"),
        (16, "seksten", "seksten", "seksten"),
        (20, "tyve", "tjue", "tjue"),
        (21, "enogtyve", "tjueen", "tjueein"),
        (47, "syvogfyrre", "førtisju", "førtisju"),
        (58, "otteoghalvtreds", "femtiåtte", "femtiåtte"),
        (99, "nioghalvfems", "nittini", "nittini"),
        (100, "et hundrede", "ett hundre", "eitt hundre"),
        (101, "et hundrede og en", "ett hundre og en", "eitt hundre og ein"),
        (250, "to hundrede og halvtreds", "to hundre og femti", "to hundre og femti"),
        (1000, "et tusind", "ett tusen", "eitt tusen"),
        (2024, "to tusind og fireogtyve", "to tusen og tjuefire", "to tusen og tjuefire"),
        (3400, "tre tusind fire hundrede", "tre tusen fire hundre", "tre tusen fire hundre"),
        (21000, "enogtyve tusind", "tjueett tusen", "tjueeitt tusen"),
        (
            999_999,
            "ni hundrede og nioghalvfems tusind ni hundrede og nioghalvfems",
            "ni hundre og nittini tusen ni hundre og nittini",
            "ni hundre og nittini tusen ni hundre og nittini",
        ),
    ],
)
def test_cardinal_is_verbalised(number: int, danish: str, bokmaal: str, nynorsk: str) -> None:
    assert [cardinal(number, language) for language in LANGUAGES] == [danish, bokmaal, nynorsk]


@pytest.mark.parametrize(
    ("number", "danish", "bokmaal", "nynorsk"),
    [
        (1, "første", "første", "første"),
        (2, "anden", "andre", "andre"),
        (7, "syvende", "sjuende", "sjuande"),
        (13, "trettende", "trettende", "trettande"),
        (20, "tyvende", "tjuende", "tjuande"),
        (22, "toogtyvende", "tjueandre", "tjueandre"),
        (27, "syvogtyvende", "tjuesjuende", "tjuesjuande"),
        (30, "tredivte", "trettiende", "trettiande"),
        (31, "enogtredivte", "trettiførste", "trettiførste"),
    ],
)
def test_ordinal_is_verbalised(number: int, danish: str, bokmaal: str, nynorsk: str) -> None:
    assert [ordinal(number, language) for language in LANGUAGES] == [danish, bokmaal, nynorsk]


@pytest.mark.parametrize(
    ("number", "danish", "bokmaal"),
    [
        (1814, "atten hundrede fjorten", "atten hundre og fjorten"),
        (1900, "nitten hundrede", "nitten hundre"),
        (1984, "nitten hundrede fireogfirs", "nitten hundre og åttifire"),
        (2005, "to tusind og fem", "to tusen og fem"),
    ],
)
def test_year_is_verbalised_in_hundreds(number: int, danish: str, bokmaal: str) -> None:
    assert [year(number, language) for language in LANGUAGES] == [danish, bokmaal, bokmaal]


@pytest.mark.parametrize(
    ("hour", "minutes", "danish", "nynorsk"),
    [
        (1, 0, "et", "eitt"),
        (8, 30, "halv ni", "halv ni"),
        (12, 30, "halv et", "halv eitt"),
        (5, 10, "ti minutter over fem", "ti over fem"),
        (5, 15, "kvart over fem", "kvart over fem"),
        (5, 20, "ti minutter i halv seks", "ti på halv seks"),
        (5, 35, "fem minutter over halv seks", "fem over halv seks"),
        (5, 40, "ti minutter over halv seks", "ti over halv seks"),
        (5, 45, "kvart i seks", "kvart på seks"),
        (12, 55, "fem minutter i et", "fem på eitt"),
    ],
)
def test_clock_time_is_verbalised(hour: int, minutes: int, danish: str, nynorsk: str) -> None:
    assert clock_time(hour, minutes, "da") == danish
    assert clock_time(hour, minutes, "nn") == nynorsk


@pytest.mark.parametrize("language", LANGUAGES)
def test_verbalised_numbers_are_distinct_and_plain_letters(language: str) -> None:
    spoken = [cardinal(number, language) for number in range(5000)]
    assert len(set(spoken)) == len(spoken)
    assert all(word.isalpha() for text in spoken for word in text.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_number_sentences_satisfy_the_recipe_and_are_reproducible(language: str) -> None:
    made = list(islice(number_sentences(language, seed=1), 600))
    assert made == list(islice(number_sentences(language, seed=1), 600))
    assert made != list(islice(number_sentences(language, seed=2), 600))
    text = text_of(load_recipe(f"demo-{language}"))
    flaws = [clean(sentence, text)[1] for sentence in made]
    assert set(flaws) <= {None, "too short or too long"}
    assert flaws.count(None) > 0.95 * len(made)
    assert len(set(made)) > 0.9 * len(made)
    assert not any("{" in sentence for sentence in made)


def test_unsupported_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no number words for 'sv'.*da, nb, nn"):
        cardinal(1, "sv")
    with pytest.raises(CorpusError, match="no sentences with numbers in 'sv'"):
        next(number_sentences("sv", seed=1))
    with pytest.raises(ValueError, match="1000000"):
        cardinal(1_000_000, "da")
    with pytest.raises(ValueError, match="100 is not"):
        ordinal(100, "nn")
