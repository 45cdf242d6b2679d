"""Digits, signs and abbreviations of transcripts, written out as they are spoken."""

import pytest

from app.text import normalise
from trainer.text.written_out import is_inaudible, write_out


def spoken(text: str, language: str) -> str:
    return normalise(write_out(text, language).text)


@pytest.mark.parametrize(
    ("language", "written", "expected"),
    [
        # Numbers.
        ("nb", "Det kom 25 gjester", "det kom tjuefem gjester"),
        ("da", "Der kom 25 gæster", "der kom femogtyve gæster"),
        ("nn", "Det kom 121 gjester", "det kom eitt hundre og tjueein gjester"),
        ("nb", "10 000 mennesker", "ti tusen mennesker"),
        ("da", "10.000 mennesker", "ti tusind mennesker"),
        ("nb", "3 500 000 kroner", "tre millioner fem hundre tusen kroner"),
        ("nn", "2 000 000 kroner", "to millionar kroner"),
        ("nb", "1,5 prosent", "en komma fem prosent"),
        ("nb", "3,14", "tre komma fjorten"),
        ("nb", "0,05", "null komma null fem"),
        ("nb", "minst -5 grader", "minst minus fem grader"),
        ("nb", "covid-19 kom", "covid nitten kom"),
        ("nb", "en 1-åring og en 21-åring", "en ettåring og en tjueenåring"),
        ("nb", "nummer 1", "nummer en"),
        ("da", "nummer 1", "nummer et"),
        ("nb", "1 kilometer til", "en kilometer til"),
        ("nb", "1 kilo mel", "ett kilo mel"),
        # Years and dates.
        ("nn", "I 1814 fekk vi grunnlov", "i atten hundre og fjorten fekk vi grunnlov"),
        ("da", "I 1984 og i 2012", "i nitten hundrede fireogfirs og i to tusind og tolv"),
        ("nb", "1345 kroner", "ett tusen tre hundre og førtifem kroner"),
        ("nb", "1500 kroner", "femten hundre kroner"),
        ("nb", "17. mai 1814", "syttende mai atten hundre og fjorten"),
        ("da", "d. 5. juni", "den femte juni"),
        ("nb", "3. jan. 2020 kom", "tredje januar to tusen og tjue kom"),
        ("nb", "17.05.1814", "syttende mai atten hundre og fjorten"),
        ("nb", "17/5-1814", "syttende mai atten hundre og fjorten"),
        ("nb", "1814-05-17", "syttende mai atten hundre og fjorten"),
        ("nb", "krigen 1914–1918", "krigen nitten hundre og fjorten til nitten hundre og atten"),
        ("nb", "1990-tallet", "nittennittitallet"),
        ("nn", "1800-talet", "attenhundretalet"),
        ("da", "90'erne og 1960'erne", "halvfemserne og nittentresserne"),
        ("nb", "50-åring", "femtiåring"),
        ("nb", "100-årsjubileum", "hundreårsjubileum"),
        ("nb", "den 2. verdenskrig", "den andre verdenskrig"),
        ("nb", "Han er 12. Hun er 13.", "han er tolv hun er tretten"),
        # Clock times.
        ("nb", "kl. 12.30", "klokken tolv tretti"),
        ("nn", "klokka 8", "klokka åtte"),
        ("nb", "kl 1", "klokken ett"),
        ("da", "kl. 14:05", "klokken fjorten nul fem"),
        # Signs, units and money.
        ("nb", "5 % av dem", "fem prosent av dem"),
        ("da", "5,5% af dem", "fem komma fem procent af dem"),
        ("nb", "jf. § 5", "jamfør paragraf fem"),
        ("da", "§§ 5 og 6", "paragrafferne fem og seks"),
        ("nb", "Olsen & sønn", "olsen og sønn"),
        ("nb", "90 km/t", "nitti kilometer i timen"),
        ("nb", "10-12 km", "ti til tolv kilometer"),
        ("nb", "70 m² stor", "sytti kvadratmeter stor"),
        ("nb", "20 °C", "tjue grader"),
        ("nb", "kr 100 og 50,-", "ett hundre kroner og femti kroner"),
        ("da", "3 mio. kr.", "tre millioner kroner"),
        ("nn", "1 mrd. kroner", "ein milliard kroner"),
        ("nb", "tlf. 22 05 33 44", "telefon tjueto null fem trettitre førtifire"),
        ("nb", "2 ½ time", "to og en halv time"),
        # Abbreviations.
        ("nb", "f.eks. bl.a. dette osv.", "for eksempel blant annet dette og så videre"),
        ("da", "f. eks. pga. vejret", "for eksempel på grund af vejret"),
        ("nn", "t.d. ca. 5", "til dømes cirka fem"),
        ("nb", "s. 5 i kap. 3", "side fem i kapittel tre"),
        # Slashes and brackets.
        ("nb", "og/eller", "og eller"),
        ("nb", "Ja [latter] det er (ler) sant *kremter*", "ja det er sant"),
        ("nb", "Det var (ikke) sant", "det var ikke sant"),
        ("nb", "slutt.Ny setning", "slutt ny setning"),
    ],
)
def test_written_text_is_written_out(language: str, written: str, expected: str) -> None:
    assert spoken(written, language) == expected


@pytest.mark.parametrize(
    "written",
    [
        "1 hus",
        "vant 3-1",
        "24/7",
        "vant 4-2",
        "versjon 3.4.1",
        "kode 007",
        "1234567",
        "1345 menn",
        "A4",
        "3.5",
        "1/2",
    ],
)
def test_number_without_a_certain_form_is_left_as_it_is(written: str) -> None:
    assert any(letter.isdigit() for letter in write_out(written, "nb").text)


def test_every_rule_that_was_applied_is_counted() -> None:
    found = write_out("I 2020 var 5 % og 7 % av og/eller [latter], dvs. 12", "nb")
    assert found.rules == {
        "number": 2, "per cent": 2, "slash": 1, "bracketed note": 1, "abbreviation": 1,
    }  # fmt: skip


def test_plain_text_is_unchanged() -> None:
    text = "Representanten har ordet, og det er ikke ment som en spøk."
    for language in ("da", "nb", "nn", "no", "sv"):
        assert write_out(text, language) == write_out(text, "sv")
        assert write_out(text, language).text == text


def test_bokmaal_is_also_called_no() -> None:
    assert spoken("25", "no") == "tjuefem"


def test_digits_of_an_unknown_language_are_left() -> None:
    assert write_out("25 & [skratt]", "sv").text.split() == ["25", "&"]


@pytest.mark.parametrize(
    ("text", "inaudible"),
    [
        ("Det [uforståelig] der", True),
        ("Det (utydelig) der", True),
        ("Det [?] der", True),
        ("Det [latter] der", False),
        ("Det er uforståelig", False),
    ],
)
def test_notes_of_words_that_were_not_understood_are_found(text: str, inaudible: bool) -> None:
    assert is_inaudible(text) is inaudible
