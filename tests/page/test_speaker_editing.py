"""Speakers on the page: in colour, renamed, joined, and given words, paragraphs and turns."""

import json
from pathlib import Path

import pytest
from browsing import Opener, downloaded, paragraphs, samples, transcribe, word
from conversation import (
    FIRST,
    FIRST_TEXT,
    SECOND,
    SECOND_TEXT,
    open_conversation,
    write_conversation,
)
from playwright.sync_api import Page, expect

SPOKEN, _ = samples("demo-nb")[1]


@pytest.fixture
def talk(page: Page, tmp_path: Path) -> Page:
    """The text of two people, each on a channel."""
    open_conversation(page, tmp_path)
    return page


def turns(page: Page) -> list[tuple[str, str]]:
    """The name at each paragraph, empty where the one before speaks on, and its text."""
    names = page.locator(".speaker-name").all_text_contents()
    return list(zip(names, paragraphs(page), strict=True))


def rename(page: Page, number: int, name: str) -> None:
    page.get_by_label(f"Navn på taler {number}").fill(name)
    page.keyboard.press("Enter")


def test_each_channel_has_a_name_a_number_and_a_colour_of_its_own(talk: Page) -> None:
    assert turns(talk) == [("channel 0", FIRST), ("channel 1", SECOND)]
    assert talk.locator(".speaker-badge").all_text_contents() == ["1", "2"]
    for query in (".speaker-name", ".speaker .speaker-badge"):
        first, second = (
            talk.locator(query)
            .nth(i)
            .evaluate(
                """element => {
                    const {color, backgroundColor} = getComputedStyle(element);
                    return [color, backgroundColor].join();
                }"""
            )
            for i in (0, 1)
        )
        assert first != second


def test_channels_are_mixed_without_the_option(page: Page, tmp_path: Path) -> None:
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, write_conversation(tmp_path / "samtale.wav"))
    assert "speakers" not in answered.value.json()
    expect(page.locator(".speaker-name:visible")).to_have_count(0)
    expect(page.locator(".speaker")).to_have_count(0)


def test_renamed_speaker_has_the_name_everywhere(talk: Page) -> None:
    rename(talk, 1, "  Kari   Nordmann ")
    rename(talk, 2, "Ola")
    assert turns(talk) == [("Kari Nordmann", FIRST), ("Ola", SECOND)]
    assert downloaded(talk, "txt")[1] == f"Kari Nordmann: {FIRST}\nOla: {SECOND}\n"
    assert "<v Ola>" in downloaded(talk, "vtt")[1]
    whole = json.loads(downloaded(talk, "json")[1])
    assert [speaker["speaker"] for speaker in whole["speakers"]] == ["Kari Nordmann", "Ola"]
    assert {word["speaker"] for word in whole["words"]} == {"Kari Nordmann", "Ola"}
    assert all(speaker["seconds"] > 1 for speaker in whole["speakers"])


def test_empty_name_is_not_taken(talk: Page) -> None:
    rename(talk, 1, " ")
    expect(talk.get_by_label("Navn på taler 1")).to_have_value("channel 0")
    assert turns(talk)[0][0] == "channel 0"


def test_two_speakers_with_one_name_become_one(talk: Page) -> None:
    rename(talk, 1, "Kari")
    rename(talk, 2, "Kari")
    assert turns(talk) == [("Kari", FIRST), ("", SECOND)]
    expect(talk.locator("#speaker-list li")).to_have_count(1)
    expect(talk.locator("#announcer")).to_have_text("Begge er nå Kari.")
    talk.locator("#undo").click()
    assert turns(talk) == [("Kari", FIRST), ("channel 1", SECOND)]


def test_word_at_the_edge_moves_into_the_neighbouring_turn(talk: Page) -> None:
    word(talk, "Regn").press("Shift+Digit1")
    assert turns(talk) == [("channel 0", f"{FIRST} Regn"), ("channel 1", SECOND[5:])]
    word(talk, "bruke").press("Shift+Digit2")
    assert turns(talk)[:3] == [
        ("channel 0", "Velg for å"), ("channel 1", "bruke"), ("channel 0", f"{FIRST[17:]} Regn"),
    ]  # fmt: skip


def test_paragraph_is_given_by_a_digit_and_the_next_digit_adds_a_speaker(talk: Page) -> None:
    talk.locator(".w").nth(2).press("2")
    assert turns(talk) == [("channel 1", FIRST), ("", SECOND)]
    talk.keyboard.press("3")
    assert turns(talk) == [("Taler 3", FIRST), ("channel 1", SECOND)]
    expect(talk.locator(".w").nth(2)).to_be_focused()
    expect(talk.locator("#announcer")).to_have_text("Sies nå av Taler 3.")
    talk.keyboard.press("9")
    assert turns(talk)[0][0] == "Taler 3"


def test_turn_is_given_in_the_dialog(talk: Page) -> None:
    word(talk, "bruke").press("s")
    assert turns(talk)[:2] == [("channel 0", "Velg for å"), ("", FIRST[11:])]
    talk.locator(".speaker-name", has_text="channel 0").click()
    dialog = talk.get_by_role("dialog", name="Hvem sier dette?")
    dialog.get_by_label("Alt til en annen snakker").check()
    dialog.get_by_role("button", name="Ny taler").click()
    assert turns(talk)[0] == ("Taler 3", "Velg for å")
    assert turns(talk)[1] == ("", FIRST[11:])
    talk.get_by_role("button", name="Taler …").click()
    dialog.get_by_label("Bare ordet").check()
    talk.keyboard.press("2")
    expect(dialog).to_be_hidden()
    assert [name for name, _ in turns(talk)] == ["channel 1", "Taler 3", "", "channel 1"]
    talk.get_by_role("button", name="Taler …").click()
    talk.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_speakers_are_added_by_hand_where_none_were_told_apart(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.get_by_role("button", name="Legg til en taler").click()
    name = page.get_by_label("Navn på taler 1")
    expect(name).to_be_focused()
    page.keyboard.type("Kari")
    page.keyboard.press("Enter")
    page.locator(".w").nth(3).press("1")
    assert turns(page) == [("Kari", SECOND)]
    assert downloaded(page, "txt")[1] == f"Kari: {SECOND}\n"


def test_whole_text_is_corrected_with_its_speakers(talk: Page) -> None:
    rename(talk, 1, "Kari")
    talk.locator("#edit").click()
    area = talk.locator("#edit-text")
    expect(area).to_have_value(f"Kari: {FIRST}\nchannel 1: {SECOND}")
    half = SECOND_TEXT.split(" og ")
    area.fill(f"channel 1: {FIRST_TEXT}\n{half[0]}\nKari: og {half[1]}")
    talk.keyboard.press("Control+Enter")
    talk.locator("#restore").wait_for()
    assert turns(talk) == [
        ("channel 1", FIRST_TEXT), ("", half[0]), ("Kari", f"og {half[1]}"),
    ]  # fmt: skip
    whole = json.loads(downloaded(talk, "json")[1])
    assert [s["speaker"] for s in whole["segments"]] == ["channel 1", "channel 1", "Kari"]


def test_names_stay_when_the_language_of_the_page_changes(opened: Opener, tmp_path: Path) -> None:
    page = opened()
    open_conversation(page, tmp_path)
    rename(page, 1, "Kari")
    page.select_option("#interface-language", "en")
    expect(page.get_by_label("Name of speaker 1")).to_have_value("Kari")
    assert turns(page)[0][0] == "Kari"
