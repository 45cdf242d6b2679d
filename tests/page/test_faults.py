"""Errors of the browser or the page itself: each ends its task, and the page stays usable."""

import pytest
from browsing import Opener, samples, transcribe, until, words
from playwright.sync_api import Page, expect

SPOKEN, TEXT = samples("demo-nb")[1]
FAULT = "broken by the test"


def break_method(page: Page, owner: str, method: str) -> None:
    """Makes a browser's method throw an error that is none of the service's."""
    page.evaluate(
        f"""() => {{
            window.unbroken = {owner}.prototype.{method};
            {owner}.prototype.{method} = () => {{ throw new TypeError({FAULT!r}) }};
        }}"""
    )


def restore_method(page: Page, owner: str, method: str) -> None:
    page.evaluate(f"() => {{ {owner}.prototype.{method} = window.unbroken }}")


def test_key_that_no_header_can_carry_fails_the_job(opened: Opener) -> None:
    page = opened(key="two\nlines")
    opened.expect_error(page, "setRequestHeader")
    page.set_input_files("#files", SPOKEN)
    job = page.locator(".job")
    expect(job).to_have_attribute("data-state", "failed")
    expect(job.get_by_role("alert")).to_be_visible()
    expect(job.get_by_role("button", name="Prøv igjen")).to_be_visible()


def test_failed_job_can_be_retried_and_does_not_block_the_next(opened: Opener) -> None:
    page = opened()
    opened.expect_error(page, FAULT)
    break_method(page, "XMLHttpRequest", "send")
    page.set_input_files("#files", SPOKEN)
    first = page.locator(".job").nth(0)
    expect(first).to_have_attribute("data-state", "failed")
    expect(first.get_by_role("alert")).to_contain_text("Noe gikk galt")
    restore_method(page, "XMLHttpRequest", "send")
    transcribe(page, SPOKEN)
    expect(page.locator(".job").nth(1)).to_have_attribute("data-state", "done")
    first.get_by_role("button", name="Prøv igjen").click()
    expect(first).to_have_attribute("data-state", "done")


def test_failed_alignment_leaves_the_editor_usable(opened: Opener) -> None:
    page = opened()
    opened.expect_error(page, FAULT)
    transcribe(page, SPOKEN)
    page.locator("#edit").click()
    page.fill("#edit-text", TEXT)
    break_method(page, "XMLHttpRequest", "send")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#result-problem")).to_contain_text("Noe gikk galt")
    expect(page.locator("#text-note")).to_be_hidden()
    expect(page.locator("#edit-text")).to_be_editable()
    restore_method(page, "XMLHttpRequest", "send")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit")).to_be_focused()
    assert words(page) == TEXT.split()


def test_failed_download_is_explained_and_can_be_repeated(opened: Opener) -> None:
    page = opened()
    opened.expect_error(page, FAULT)
    transcribe(page, SPOKEN)
    button = page.locator("#download-list button", has_text=".srt")
    break_method(page, "XMLHttpRequest", "send")
    button.click()
    expect(page.locator("#result-problem")).to_contain_text("Noe gikk galt")
    restore_method(page, "XMLHttpRequest", "send")
    with page.expect_download():
        button.click()
    expect(page.locator("#result-problem")).to_be_hidden()


def test_recording_without_a_drawable_waveform_shows_a_message(opened: Opener) -> None:
    page = opened()
    opened.expect_error(page, FAULT)
    break_method(page, "Worker", "postMessage")
    transcribe(page, SPOKEN)
    expect(page.locator("#wave-note")).to_contain_text("kan ikke tegne lyden")


@pytest.mark.parametrize("button", ["Stopp", "Forkast"])
def test_recording_ends_when_the_microphone_cannot_be_closed(opened: Opener, button: str) -> None:
    page = opened()
    opened.expect_error(page, FAULT)
    page.get_by_role("button", name="Ta opp").click()
    page.locator("#live-text p:not([aria-hidden])", has_text=TEXT.split()[-1]).wait_for()
    break_method(page, "AudioContext", "close")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#live")).to_be_hidden()
    expect(page.get_by_role("button", name="Ta opp")).to_be_enabled()
    if button == "Stopp":
        page.wait_for_selector("#result:not([hidden])")
        assert page.locator("#transcript p").inner_text() == f"{TEXT.capitalize()}."


def test_recording_is_transcribed_when_no_socket_can_be_opened(opened: Opener) -> None:
    page = opened()
    opened.expect_error(page, FAULT)
    page.evaluate(
        f"() => {{ window.WebSocket = function () {{ throw new TypeError({FAULT!r}) }} }}"
    )
    page.get_by_role("button", name="Ta opp").click()
    expect(page.locator("#live-note")).to_contain_text("Det går ikke å vise teksten underveis")
    until(page, "document.querySelector('#live-clock').textContent >= '0:06'")
    page.get_by_role("button", name="Stopp").click()
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#transcript p").inner_text() == f"{TEXT.capitalize()}."


def test_language_that_does_not_load_leaves_the_page_as_it_is(page: Page) -> None:
    page.route("**/i18n/da.js", lambda route: route.fulfill(status=503))
    page.select_option("#interface-language", "da")
    expect(page.locator("#interface-language")).to_have_value("nb")
    expect(page.get_by_role("button", name="Ta opp")).to_be_visible()
