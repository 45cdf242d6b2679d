"""Three hours of speech: 30,000 words are read, followed, searched and edited."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import Opener, until
from playwright.sync_api import Page, expect

from bench.page import spoken_text

HOURS, WORDS = 3, 30_000
SECONDS = 3600 * HOURS


@pytest.fixture
def hours(opened: Opener, tmp_path: Path) -> Page:
    """The page with the text of three hours; the recording is silent."""
    page = opened()
    page.route("**/transcribe", lambda route: route.fulfill(json=spoken_text(WORDS, SECONDS)))
    page.select_option("#background", "none")
    recording = tmp_path / "timer.flac"
    soundfile.write(recording, np.zeros(SECONDS * 8000, np.int16), 8000, subtype="PCM_16")
    page.set_input_files("#files", recording)
    page.wait_for_selector("#result:not([hidden])")
    return page


@pytest.mark.long
def test_text_of_three_hours_is_followed_searched_and_edited(hours: Page) -> None:
    page = hours
    assert page.locator(".w").count() == WORDS
    page.locator(".w").first.focus()
    page.keyboard.press("End")
    last = page.locator(".w").last
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()

    page.locator("#audio").evaluate("(audio, at) => { audio.currentTime = at }", SECONDS / 2)
    spoken = "[...document.querySelectorAll('.w')].indexOf(document.querySelector('.w.now'))"
    until(page, f"Math.abs({spoken} - {WORDS // 2}) < 3")
    now = page.locator(".w.now")
    page.keyboard.press("F9")
    expect(now).to_be_in_viewport()
    page.keyboard.press("F9")

    page.locator("#search").click()
    page.keyboard.type("Tromsø")
    expect(page.locator("#find-state")).to_contain_text(" av ")
    page.get_by_label("Erstatt med").fill("Bodø by")
    page.get_by_role("button", name="Erstatt alle").click()
    expect(page.locator("#find-state")).to_contain_text("steder er erstattet")
    assert page.locator(".w", has_text="Tromsø").count() == 0
    assert page.locator(".w").count() > WORDS
    page.locator("#undo").click()
    assert page.locator(".w").count() == WORDS
    # What is far away is not laid out.
    skipped = """() => [...document.querySelectorAll('.paragraph p')].filter(
        text => !text.checkVisibility({contentVisibilityAuto: true})).length"""
    assert page.evaluate(skipped) > 1000
