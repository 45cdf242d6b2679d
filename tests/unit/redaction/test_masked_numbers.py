"""Numbers as people say them in Danish, Bokmål and Nynorsk, and as they are written."""

import pytest
from spoken_words import said, spoken, text_of

from app.contract.redaction import REDACT_KINDS
from app.itn import FormattingOptions, format_transcript
from app.redaction import RedactionOptions, mask_hypotheses

FNR, D_NUMBER, CPR = "13097248022", "53097248016", "0412583410"
PHONE, CARD = "92223344", "5555555555554444"


def masked(text: str, language: str = "nb", *kinds: str) -> str:
    options = RedactionOptions(frozenset(kinds or REDACT_KINDS))  # type: ignore[arg-type]
    (words,), _ = mask_hypotheses([spoken(text)], language, options)
    return text_of(words)


@pytest.mark.parametrize("language", ["da", "nb", "nn"])
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(
    ("digits", "label"),
    [
        (FNR, "[fødselsnummer]"),
        (D_NUMBER, "[fødselsnummer]"),
        (CPR, "[cpr-nummer]"),
        (PHONE, "[telefonnummer]"),
        (CARD, "[kortnummer]"),
    ],
)
def test_number_between_other_words_is_one_label(
    digits: str, label: str, language: str, pairs: bool
) -> None:
    number = said(digits, language, pairs=pairs)
    assert masked(f"det er {number} ja", language) == f"det er {label} ja"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "da",
            "mit cpr er nul fire tolv otteoghalvtreds fireogtredive ti",
            "mit cpr er [cpr-nummer]",
        ),
        ("da", "nul fire tolv otte og halvtreds fireogtredive ti", "[cpr-nummer]"),
        ("da", "fjerde i tolvte otteoghalvtreds bindestreg fireogtredive ti", "[cpr-nummer]"),
        ("da", "fjerde december nitten otteoghalvtreds tre fire et nul", "[cpr-nummer]"),
        ("nb", "tretten null ni syttito fire åtte null toogtyve", "[fødselsnummer]"),
        ("nb", "trettende niende syttito eee fire hundre og åtti to to", "[fødselsnummer]"),
        (
            "nb",
            "den trettende september nitten syttito fire åtte null tjueto",
            "den [fødselsnummer]",
        ),
        ("nn", "tretten null ni syttito fire åtte null tjueto", "[fødselsnummer]"),
        ("nb", "ni hundre og tjueto tjuetre tre fire fire", "[telefonnummer]"),
        ("nb", "pluss førtisju ni to to to tre tre fire fire", "[telefonnummer]"),
        (
            "da",
            "plus femogfyrre toogtyve treogtredive fireogfyrre femoghalvtreds",
            "[telefonnummer]",
        ),
        (
            "da",
            "nul nul femogfyrre toogtyve treogtredive fireogfyrre femoghalvtreds",
            "[telefonnummer]",
        ),
        (
            "nb",
            "pluss førtisju nittito tjueto trettitre førtifire tre ganger",
            "[telefonnummer] tre ganger",
        ),
        ("nb", "pluss førtiseks sytti tolv tretti fire femtiseks sju", "[telefonnummer]"),
        (
            "nb",
            "ring nittito tjueto trettitre førtifire fem ganger",
            "ring [telefonnummer] fem ganger",
        ),
    ],
)
def test_ways_of_saying_numbers(language: str, text: str, expected: str) -> None:
    assert masked(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fødselsnummer 130972 48022.", "fødselsnummer [fødselsnummer]"),
        ("cpr 041258-3410, ja", "cpr [cpr-nummer] ja"),
        ("ring +47 922 23 344", "ring [telefonnummer]"),
        ("kort 5555 5555 5555 4444", "kort [kortnummer]"),
    ],
)
def test_numbers_in_digits_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize("language", ["da", "nb", "nn"])
@pytest.mark.parametrize("digits", [FNR, CPR, PHONE, CARD])
@pytest.mark.parametrize("pairs", [False, True])
def test_what_the_number_formatter_writes_is_masked(
    digits: str, language: str, pairs: bool
) -> None:
    text = f"det er {said(digits, language, pairs=pairs)} ja"
    written = format_transcript(spoken(text), language, FormattingOptions()).words
    (words,), _ = mask_hypotheses([written], language, RedactionOptions(frozenset(REDACT_KINDS)))
    assert len(words) == 4
    assert not any(character.isdigit() for character in text_of(words))


@pytest.mark.parametrize(
    "text",
    [
        "det var tjue tretti mennesker i nitten førtito",
        "to hundre og femti tusen kroner",
        "klokka halv åtte den tolvte mai tjue tjuefire",
        "vi teller en to tre fire fem seks sju åtte ni ti",
        "tjue tjueto og tjue tjuetre var gode år",
        "en to tre",
        "side to tre fire fem",
        "åtte komma fem prosent og sju komma to",
    ],
)
def test_ordinary_numbers_stay(text: str) -> None:
    assert masked(text) == text


def test_number_with_a_wrong_check_digit_stays_unless_it_is_named() -> None:
    wrong = said("13097248023", "nb", pairs=False)
    assert masked(f"det er {wrong} ja", "nb", "national-id") == f"det er {wrong} ja"
    named = masked(f"fødselsnummeret er {wrong} ja", "nb", "national-id")
    assert named == "fødselsnummeret er [fødselsnummer] ja"


def test_only_the_requested_kinds_are_masked() -> None:
    text = f"{said(PHONE, 'nb', pairs=False)} og så {said(FNR, 'nb', pairs=True)} ja"
    assert masked(text, "nb", "phone").startswith("[telefonnummer] og så tretten")
    assert masked(text, "nb", "national-id").endswith("og så [fødselsnummer] ja")


def test_pauses_within_a_number_do_not_hide_it() -> None:
    assert masked("det er ni to to <1.2> to tre <0.8> tre fire fire ja") == (
        "det er [telefonnummer] ja"
    )


def test_two_numbers_with_a_pause_between_them_are_two_labels() -> None:
    number = said(PHONE, "nb", pairs=False)
    assert masked(f"{number} <0.8> {number}") == "[telefonnummer] [telefonnummer]"


def test_label_has_the_times_of_its_words_and_the_answer_lists_it() -> None:
    words = spoken(f"ring {said(PHONE, 'nb', pairs=False)} nå")
    options = RedactionOptions(frozenset({"phone"}))
    ((first, label, last),), (redaction,) = mask_hypotheses([words], "nb", options)
    assert (first, last) == (words[0], words[-1])
    assert (label.start, label.end) == (words[1].start, words[-2].end)
    assert (redaction.kind, redaction.start, redaction.end) == ("phone", label.start, label.end)


def test_number_does_not_continue_with_another_speaker() -> None:
    first, second = (
        spoken("ni to to to", speaker="A"),
        spoken("<0.8> tre tre fire fire", speaker="B"),
    )
    options = RedactionOptions(frozenset({"phone"}))
    (words,), redactions = mask_hypotheses([[*first, *second]], "nb", options)
    assert list(words) == [*first, *second]
    assert redactions == ()


def test_number_that_one_hypothesis_has_is_masked_in_all() -> None:
    right = spoken(f"det er {said(FNR, 'nb', pairs=False)} ja")
    misheard = spoken(f"der er {said('13097248023', 'nb', pairs=False)} ja")
    options = RedactionOptions(frozenset({"national-id"}))
    (best, other), _ = mask_hypotheses([misheard, right], "nb", options)
    assert text_of(best) == "der er [fødselsnummer] ja"
    assert text_of(other) == "det er [fødselsnummer] ja"
