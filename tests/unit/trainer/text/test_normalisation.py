"""Normalisation of transcripts to the letters that a model writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text import corpus_line, fold, normalise, rejection


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Hej, verden!", "hej verden"),
        ("  to\tord \n", "to ord"),
        ("ÆRLIG Øl Å", "ærlig øl å"),
        ("Ängström på café", "ængstrøm på cafe"),
        ("áàâ éèëê íìïî óòô úùüû ç", "aaa eeee iiii ooo uuuu c"),
        ("ja <ee> nei <qq> <mm>", "ja eee nei qqq mmm"),
        ("«sitat» – og (mer) …", "sitat og mer"),
        ("e-post", "epost"),
        ("og/eller", "og eller"),
    ],
)
def test_transcript_is_normalised_to_plain_words(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


def test_strict_mode_folds_o_umlaut_as_published() -> None:
    assert fold("Malmö") == "malmø"
    assert fold("Malmö", mode="strict") == "malmo"
    assert normalise("Malmö!", mode="strict") == "malmo"
    assert normalise("og/eller", mode="strict") == "ogeller"


@given(st.text())
def test_normalisation_is_idempotent(raw: str) -> None:
    once = normalise(raw)
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("så sa <inaudible> det", "inaudible"),
        ("i 1814", "digits"),
        ("ja", "too short"),
        ("  a ", "too short"),
        ("takk for det", None),
    ],
)
def test_unusable_transcript_gives_drop_reason(raw: str, reason: str | None) -> None:
    assert rejection(raw) == reason


def test_digits_and_punctuation_are_removed_from_corpus_lines() -> None:
    assert corpus_line("Møte 12/5: «Öl» + kaffe, 50 %") == "møte øl kaffe"
