"""Check digits and dates of national numbers, cards and telephone numbers."""

import pytest

from app.redaction.checks import is_card, is_cpr, is_fodselsnummer, is_phone

# Synthetic numbers of NAV's fnrvalidator and of other published tests.
FODSELSNUMMER = ("13097248022", "29029648784", "29020075838", "15021951940", "21075417753")
D_NUMBERS = ("53097248016",)
H_AND_TEST_NUMBERS = ("13527248013", "10915596784", "68467038838", "50846202355")
FROM_2032 = ("02013299997", "30108299920", "30108299939", "70108299914")


@pytest.mark.parametrize("digits", [*FODSELSNUMMER, *D_NUMBERS, *H_AND_TEST_NUMBERS, *FROM_2032])
def test_published_norwegian_numbers_are_found(digits: str) -> None:
    assert is_fodselsnummer(digits)


@pytest.mark.parametrize(
    "digits",
    ["13097248032", "13097248023", "02013299987", "02013299996", "32127248022", "13137248022"],
)
def test_norwegian_number_with_a_wrong_check_digit_or_date_is_none(digits: str) -> None:
    assert not is_fodselsnummer(digits)


@pytest.mark.parametrize("digits", FODSELSNUMMER)
def test_every_single_wrong_last_digit_is_noticed(digits: str) -> None:
    others = [f"{digits[:-1]}{last}" for last in "0123456789" if last != digits[-1]]
    assert not any(is_fodselsnummer(other) for other in others)
    assert all(is_fodselsnummer(other, check_digits=False) for other in others)


# The first is divided by 11, as all were until 2007; the second is not.
@pytest.mark.parametrize("digits", ["0707614285", "0101651234", "2902001234", "6101651234"])
def test_danish_numbers_need_a_date_alone(digits: str) -> None:
    assert is_cpr(digits)


@pytest.mark.parametrize("digits", ["3102651234", "2902011234", "0013651234", "070761428", ""])
def test_danish_number_without_a_date_is_none(digits: str) -> None:
    assert not is_cpr(digits)


@pytest.mark.parametrize(
    "digits", ["4111111111111111", "5555555555554444", "378282246310005", "5019717010103742"]
)
def test_published_test_cards_are_found(digits: str) -> None:
    assert is_card(digits)
    wrong = f"{digits[:-1]}{(int(digits[-1]) + 1) % 10}"
    assert not is_card(wrong)


@pytest.mark.parametrize(
    "digits", ["22334455", "91234567", "4791234567", "004522334455", "4522334455"]
)
def test_telephone_numbers_are_found(digits: str) -> None:
    assert is_phone(digits)


@pytest.mark.parametrize(
    "digits", ["12345678", "01234567", "2233445", "223344556", "20222023", "23456789", "4701234567"]
)
def test_other_numbers_are_no_telephone(digits: str) -> None:
    assert not is_phone(digits)


def test_a_plus_allows_numbers_of_other_countries() -> None:
    assert is_phone("46701234567", international=True)
    assert not is_phone("46701234567")
