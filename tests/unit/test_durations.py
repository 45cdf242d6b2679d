"""Lengths of time as operators write them."""

from datetime import timedelta

import pytest

from app.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1_800),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1d12h", 129_600),
        ("1h 30m", 5_400),
        ("0.5h", 1_800),
        (" 45S ", 45),
        ("0", 0),
        ("3600", 3_600),
        ("P7D", 604_800),
        ("PT30M", 1_800),
    ],
)
def test_duration_is_read_in_every_accepted_form(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text", ["", "week", "7 days or so", "d", "7x", "-1d", "-5", "P-7D", "1d1", "inf", "9" * 30]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no length of time|is negative"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["7d", "1d12h", "1h30m", "45s", "0s"])
def test_duration_is_written_as_it_is_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
    assert parse_duration(format_duration(timedelta(seconds=90))) == timedelta(seconds=90)
