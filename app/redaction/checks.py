"""Checks whether digits are a national number, a payment card or a telephone number.

Sources: Skatteetaten, "Nytt fødselsnummer fra 2032"; CPR-kontoret, "Personnummeret i CPR"; ISO/IEC
7812-1, annex B (Luhn); ITU-T E.164.
"""

from datetime import date

FODSELSNUMMER_DIGITS, CPR_DIGITS = 11, 10
CARD_DIGITS = range(13, 20)
PHONE_DIGITS = 15
COMMON_CARD_DIGITS = 16
_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_REMAINDERS = (0, 1, 2, 3)
_MODULUS = 11
_D_NUMBER_DAY, _REPLACEMENT_DAY = 40, 60
_H_NUMBER_MONTH, _TEST_MONTH = 40, 80
_LOCAL_DIGITS = 8
_INTERNATIONAL_DIGITS = range(8, PHONE_DIGITS + 1)
_COUNTRIES = ("45", "47", "0045", "0047")
_COUNTING = "0123456789"


def is_fodselsnummer(digits: str, *, check_digits: bool = True) -> bool:
    """Returns whether digits are a Norwegian national number, D-number, H-number or test number.

    The first check digit of a number that is issued from 2032 on may leave a remainder of 0 to 3
    where it left 0 before; both are accepted.

    Args:
        digits: any number of them.
        check_digits: whether both check digits must fit; the date must in any case.
    """
    if len(digits) != FODSELSNUMMER_DIGITS or not _is_norwegian_date(digits):
        return False
    if not check_digits:
        return True
    first = _weighted(digits, _FIRST_WEIGHTS) % _MODULUS
    return first in _REMAINDERS and _weighted(digits, _SECOND_WEIGHTS) % _MODULUS == 0


def is_cpr(digits: str) -> bool:
    """Returns whether digits are a Danish CPR number or a replacement for one.

    Since 2007 numbers are issued that modulus 11 does not divide, so the date alone decides.
    """
    if len(digits) != CPR_DIGITS:
        return False
    day = int(digits[:2])
    return _is_date(day, int(digits[2:4]), digits[4:6]) or _is_date(
        day - _REPLACEMENT_DAY, int(digits[2:4]), digits[4:6]
    )


def may_begin_national_id(digits: str) -> bool:
    """Returns whether up to six digits can be the beginning of the date of a national number."""
    if len(digits) < 4:  # noqa: PLR2004
        return True
    return any(_days_of(digits[:2])) and any(_months_of(digits[2:4]))


def is_card(digits: str, *, check_digit: bool = True) -> bool:
    """Returns whether digits are the number of a payment card: of 13 to 19 digits, by Luhn.

    Args:
        digits: any number of them.
        check_digit: whether the last one must fit; without it there must be 16.
    """
    if len(digits) not in CARD_DIGITS or digits[0] not in "23456":
        return False
    if not check_digit:
        return len(digits) == COMMON_CARD_DIGITS
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(digits[-2::-1])]
    return (sum(value - 9 if value > 9 else value for value in doubled) + int(digits[-1])) % 10 == 0  # noqa: PLR2004


def is_phone(digits: str, *, international: bool = False, named: bool = False) -> bool:
    """Returns whether digits are a Danish or Norwegian telephone number, or an international one.

    Two years in a row and digits that are counted are none, unless they are named so.

    Args:
        digits: any number of them, without a plus.
        international: whether a plus precedes them.
        named: whether a word such as `telefon` precedes them.
    """
    if international:
        return len(digits) in _INTERNATIONAL_DIGITS
    if is_national_phone(digits):
        return True
    if len(digits) != _LOCAL_DIGITS or digits[0] in "01":
        return False
    years = all(half[:2] in ("19", "20") for half in (digits[:4], digits[4:]))
    return named or not (years or digits in _COUNTING)


def is_national_phone(digits: str) -> bool:
    """Returns whether digits are a Danish or Norwegian number after the code of its country."""
    code = next((code for code in _COUNTRIES if digits.startswith(code)), "")
    local = digits[len(code) :]
    return bool(code) and len(local) == _LOCAL_DIGITS and local[0] not in "01"


def _is_norwegian_date(digits: str) -> bool:
    return any(
        _is_date(day, month, digits[4:6])
        for day in _days_of(digits[:2])
        for month in _months_of(digits[2:4])
    )


def _days_of(digits: str) -> list[int]:
    day = int(digits)
    return [d for d in (day, day - _D_NUMBER_DAY, day - _REPLACEMENT_DAY) if 0 < d <= 31]  # noqa: PLR2004


def _months_of(digits: str) -> list[int]:
    month = int(digits)
    return [m for m in (month, month - _H_NUMBER_MONTH, month - _TEST_MONTH) if 0 < m <= 12]  # noqa: PLR2004


def _is_date(day: int, month: int, year: str) -> bool:
    """Returns whether a day exists in a year of the last or of this century."""
    for century in (1900, 2000):
        try:
            date(century + int(year), month, day)
        except ValueError:
            continue
        return True
    return False


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
