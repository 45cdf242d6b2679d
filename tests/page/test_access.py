"""Accessibility of the page: keyboard, screen reader, narrow screens, light and dark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Opener, ready, samples, transcribe, until, words
from playwright.sync_api import Page, expect

SPOKEN, TEXT = samples("demo-nb")[1]
DANISH, _ = samples("demo-da")[1]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
_RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}

# The rules that depend on the colour scheme.
_COLOURS = _RULES | {"runOnly": ["cat.color"]}


def at_the_start(page: Page) -> None:
    page.locator("#more summary").click()


def with_every_choice(page: Page) -> None:
    at_the_start(page)
    page.locator("#diarize").check()
    page.locator("#known_speakers").check()
    page.locator("#redact-names").check()
    page.locator("#voices summary").click()
    page.locator("#voice-none").wait_for()


def while_it_records(page: Page) -> None:
    page.get_by_role("button", name="Ta opp").click()
    page.locator("#live-text p[lang]").first.wait_for()


def with_a_problem(page: Page) -> None:
    page.set_input_files("#files", Path(__file__))
    page.locator(".problem:not([hidden]) summary").click()


def with_a_text(page: Page) -> None:
    page.select_option("#language", "da")
    page.select_option("#n_best", "3")
    transcribe(page, DANISH)
    page.locator("#threshold").fill("100")
    for fold in ("#alternatives", "#result > .fold:last-child"):
        page.locator(f"{fold} summary").click()
    page.locator(".w").nth(2).click()
    page.locator("#play").click()


def while_it_is_corrected(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.locator("#edit").click()


def after_correcting(page: Page) -> None:
    while_it_is_corrected(page)
    page.fill("#edit-text", TEXT.replace("kraftig", "kraftig underkjølt"))
    page.keyboard.press("Control+Enter")
    page.locator(".w.lost").wait_for()


def while_words_are_replaced(page: Page) -> None:
    transcribe(page, SPOKEN)
    word = page.locator(".w").nth(3)
    word.focus()
    word.press("1")
    page.locator(".w").nth(5).press("Shift+Digit2")
    page.locator(".w").nth(5).press("f")
    page.fill("#find-text", "regn")
    page.locator(".w.match").wait_for()


def while_a_word_is_written(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.locator(".w").nth(3).press("e")


def while_a_speaker_is_chosen(page: Page) -> None:
    while_words_are_replaced(page)
    page.locator(".speaker-name").first.click()
    page.get_by_role("dialog").wait_for()


def while_a_voice_is_kept(page: Page) -> None:
    page.locator("#voices summary").click()
    page.locator("#voice-add").click()
    page.locator("#voice-name").fill("Speaker 1")
    page.locator("#voice-file").set_input_files(SPOKEN)
    page.locator("#voice-keep").click()
    page.locator("#voice-problem summary").click()


def key_request(page: Page) -> None:
    page.evaluate("sessionStorage.clear()")
    page.context.add_init_script("sessionStorage.clear()")
    page.reload()
    ready(page)
    page.set_input_files("#files", SPOKEN)
    page.get_by_role("dialog").wait_for()


@pytest.mark.parametrize(
    "state",
    [
        with_every_choice,
        while_it_records,
        with_a_problem,
        with_a_text,
        while_it_is_corrected,
        after_correcting,
        while_words_are_replaced,
        while_a_word_is_written,
        while_a_speaker_is_chosen,
        while_a_voice_is_kept,
        key_request,
    ],
)
def test_every_state_passes_axe_and_fits_its_width(
    opened: Opener, state: Callable[[Page], None]
) -> None:
    page = opened(reduced_motion="reduce")
    if state is with_a_text:
        at_the_start(page)
    state(page)
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{wide} pixels stick out at {size}"
        for scheme, rules in (("light", _RULES), ("dark", _COLOURS)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found = Axe().run(page, options=rules)
            assert found.violations_count == 0, (size, scheme, found.generate_report())


def test_recording_is_transcribed_and_corrected_by_keyboard_alone(opened: Opener) -> None:
    page = opened()
    # Registered at the start: Chromium may request files before a later listener is known.
    page.on("filechooser", lambda chooser: chooser.set_files(SPOKEN))
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_text("Hopp til innholdet")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    expect(page.locator("#files")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("#result-title")).to_be_focused()
    keys.press("Tab")
    expect(page.get_by_role("slider", name="Sted i opptaket")).to_be_focused()
    keys.press("ArrowRight")
    assert page.locator("#audio").evaluate("audio => audio.currentTime") == pytest.approx(1)
    expect(page.locator("#wave")).to_have_attribute("aria-valuetext", "0:01 av 0:03")
    keys.press("Space")
    until(page, "!document.querySelector('#audio').paused")
    keys.press("Space")
    until(page, "document.querySelector('#audio').paused")

    word = page.locator(".w")
    for _ in range(20):
        keys.press("Tab")
        if word.nth(0).evaluate("word => word === document.activeElement"):
            break
    for key, index in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("End", 7),
        ("ArrowLeft", 6),
        ("Home", 0),
    ]:
        keys.press(key)
        expect(word.nth(index)).to_be_focused()
    keys.press("End")
    keys.press("Enter")
    until(page, "document.querySelector('#audio').currentTime > 2")
    until(page, "document.querySelector('#audio').paused")
    keys.press("e")
    expect(page.get_by_label("Rett ordet")).to_be_focused()
    keys.type("snør.")
    keys.press("Enter")
    expect(word.nth(7)).to_be_focused()
    assert words(page)[-1] == "snør."


def test_focus_is_always_visible(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.locator("#result-title").focus()
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => {
                const focused = document.activeElement;
                if (focused === document.body) return null;
                const shown = [focused, focused.nextElementSibling].filter(Boolean);
                const outlined = shown.some(element =>
                    getComputedStyle(element).outlineStyle !== 'none');
                return outlined ? null : focused.outerHTML.slice(0, 80);
            }"""
        )
        unseen += [name] if name else []
    assert unseen == []


def test_reduced_motion_stops_animations(opened: Opener) -> None:
    page = opened(reduced_motion="reduce")
    moving = page.evaluate("document.getAnimations().length")
    page.route("**/transcribe", lambda _: None)
    page.set_input_files("#files", SPOKEN)
    page.locator("progress").wait_for()
    assert moving == page.evaluate("document.getAnimations().length") == 0
