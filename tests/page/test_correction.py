"""Corrections of the text, their alignment, and downloads in every format."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import docx
import pytest
import srt
import tgt
import webvtt
from browsing import downloaded, downloaded_file, samples, transcribe, words
from playwright.sync_api import Page, expect

SPOKEN, TEXT = samples("demo-nb")[1]
CORRECTED = "Regn, til dels KRAFTIG,\nog underkjølt regn som fryser!"


def correct(page: Page, text: str) -> None:
    page.get_by_role("button", name="Rett teksten").click()
    page.fill("#edit-text", text)
    page.keyboard.press("Control+Enter")
    page.locator("#restore").wait_for()


def test_corrected_text_is_aligned_again(page: Page) -> None:
    transcribe(page, SPOKEN)
    with page.expect_response("**/align") as answered:
        correct(page, CORRECTED)
    aligned = answered.value.json()["words"]
    assert words(page) == CORRECTED.split()
    assert page.locator("#transcript p").all_inner_texts() == [
        line.strip() for line in CORRECTED.split("\n")
    ]
    assert page.locator(".w.lost").all_text_contents() == ["underkjølt"]
    expect(page.locator("#text-note")).to_contain_text("1 ord ble ikke funnet i lyden")
    expect(page.locator("#result-facts")).to_contain_text("rettet av deg")
    expect(page.locator("#edit")).to_be_focused()
    page.locator(".w", has_text="fryser!").click()
    at = page.locator("#audio").evaluate("audio => audio.currentTime")
    assert at >= aligned[-1]["start"]


def test_original_text_can_be_restored(page: Page) -> None:
    transcribe(page, SPOKEN)
    before = words(page)
    correct(page, "regn som fryser")
    assert words(page) != before
    page.locator("#restore").click()
    assert words(page) == before
    expect(page.locator("#view-choice")).to_be_visible()
    page.get_by_role("button", name="Angre").click()
    assert words(page) == ["regn", "som", "fryser"]


def test_text_that_was_not_aligned_stays_in_the_editor(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.locator("#edit").click()
    area = page.locator("#edit-text")
    expect(area).to_be_focused()
    area.fill(TEXT.replace("kraftig", "mektig"))
    page.keyboard.press("Escape")
    expect(page.locator("#text-note")).to_contain_text("ikke tatt i bruk")
    assert "kraftig" in words(page)
    page.locator("#edit").click()
    assert "mektig" in area.input_value()


def test_search_without_matches_shows_a_message(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.locator("#edit").click()
    page.fill("#edit-text", "  \n ")
    page.locator("#realign").click()
    expect(page.locator("#text-note")).to_contain_text("Skriv det som blir sagt")
    expect(page.locator("#edit-text")).to_be_visible()


@pytest.mark.parametrize("by_hand", [False, True])
def test_texts_and_subtitles_can_be_downloaded(
    page: Page, tmp_path: Path, *, by_hand: bool
) -> None:
    transcribe(page, SPOKEN)
    if by_hand:
        correct(page, CORRECTED)
    shown = words(page)
    text = " ".join(shown)
    stem = SPOKEN.stem

    name, content = downloaded(page, "txt")
    assert (name, " ".join(content.split())) == (f"{stem}.txt", text)
    _, content = downloaded(page, "srt")
    assert " ".join(" ".join(cue.content for cue in srt.parse(content)).split()) == text
    page.locator("#word-cues").check()
    _, content = downloaded(page, "vtt")
    cues = webvtt.from_string(content)
    assert " ".join(" ".join(cue.text for cue in cues).split()) == text
    assert content.count("<c>") + content.count("<00:") > 0
    _, content = downloaded(page, "tsv")
    rows = list(csv.DictReader(io.StringIO(content), delimiter="\t"))
    assert " ".join(row["text"] for row in rows) == text
    name, content = downloaded(page, "TextGrid")
    assert name == f"{stem}.TextGrid"
    path = tmp_path / name
    path.write_text(content, "utf-8")
    tier = tgt.io.read_textgrid(path, encoding="utf-8").get_tier_by_name("words")
    assert [interval.text for interval in tier] == shown
    _, content = downloaded(page, "eaf")
    written = ElementTree.fromstring(content).iter("ANNOTATION_VALUE")
    assert set(shown) <= {word for value in written for word in (value.text or "").split()}


@pytest.mark.parametrize("by_hand", [False, True])
def test_every_document_can_be_downloaded(page: Page, *, by_hand: bool) -> None:
    """Apart from the others: Chromium lets a page save ten files before it asks its user."""
    transcribe(page, SPOKEN)
    if by_hand:
        correct(page, CORRECTED)
    shown = words(page)
    text = " ".join(shown)
    stem = SPOKEN.stem

    page.locator("#text-times").check()
    name, body = downloaded_file(page, "docx")
    assert name == f"{stem}.docx"
    title, *paragraphs = [each.text for each in docx.Document(io.BytesIO(body)).paragraphs]
    assert (title, " ".join(paragraphs)) == (stem, f"[00:00:00] {text}")
    assert downloaded_file(page, "stl")[1].startswith(b"850STL25.01")
    _, content = downloaded(page, "ttml")
    assert " ".join(ElementTree.fromstring(content)[1].itertext()).split() == shown
    assert downloaded(page, "md")[1].startswith(f"# {stem}\n\n[00:00:00] ")
    name, content = downloaded(page, "f4.txt")
    assert name == f"{stem}.f4.txt"
    assert content.startswith(text)
    _, content = downloaded(page, "exb")
    assert [
        event.text
        for event in ElementTree.fromstring(content).iterfind(".//tier[@category='word']/event")
    ] == shown
    _, content = downloaded(page, "ctm")
    assert [line.split()[4] for line in content.splitlines()] == shown
    name, content = downloaded(page, "json")
    answer = json.loads(content)
    assert name == f"{stem}.json"
    kept = answer["words"] if by_hand else answer["formatted_words"]
    assert [word["word"] for word in kept] == shown
    assert by_hand or answer["text"] == TEXT


def test_verbatim_text_is_downloaded_when_shown(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.get_by_text("Ord for ord", exact=True).click()
    assert downloaded(page, "txt")[1] == f"{TEXT}\n"
    page.get_by_role("button", name="Kopier teksten").click()
    expect(page.locator("#text-note")).to_have_text("Teksten er kopiert.")
    assert page.evaluate("navigator.clipboard.readText()") == TEXT


def test_alignment_can_be_cancelled(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.route("**/align", lambda _: None)
    page.locator("#edit").click()
    page.fill("#edit-text", "regn som fryser")
    page.locator("#realign").click()
    expect(page.locator("#text-note")).to_have_text("Finner ordene i lyden …")
    page.get_by_role("button", name="Slutt å rette").click()
    expect(page.locator("#text-note")).to_be_hidden()
    expect(page.locator("#edit-text")).to_have_value("regn som fryser")
    expect(page.locator("#result-problem")).to_be_hidden()


def test_transcribing_again_keeps_corrections(page: Page) -> None:
    transcribe(page, SPOKEN)
    correct(page, CORRECTED)
    page.get_by_role("button", name="Transkriber på nytt").click()
    expect(page.locator(".job-state").nth(1)).to_have_text("Klar")
    assert words(page) == CORRECTED.split()
    page.get_by_role("button", name=f"Vis teksten til {SPOKEN.name}").nth(1).click()
    expect(page.locator("#restore")).to_be_hidden()
    assert words(page)[0] == "Regn"
