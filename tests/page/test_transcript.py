"""The page transcribes recordings and shows their text with the time of every word."""

import json
from pathlib import Path

import pytest
from browsing import Opener, ready, samples, transcribe, until, words
from playwright.sync_api import Page, expect

SPOKEN, TEXT = samples("demo-nb")[2]
DANISH, DANISH_TEXT = samples("demo-da")[1]


def current_time(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#audio').currentTime"))


def test_transcript_is_shown_formatted_and_word_for_word(page: Page) -> None:
    text = transcribe(page, SPOKEN)
    expect(page.locator("#result-title")).to_have_text(SPOKEN.name)
    assert text.locator("p").inner_text() == f"{TEXT.capitalize()}."
    assert text.locator("p").get_attribute("lang") == "nb"
    page.get_by_text("Ord for ord", exact=True).click()
    assert words(page) == TEXT.split()
    expect(page.locator("#result-facts")).to_contain_text("demo-nb")


def test_demo_warning_is_shown_before_and_after(page: Page) -> None:
    expect(page.locator("#demo-note")).to_contain_text("forstår ikke mennesker")
    transcribe(page, SPOKEN)
    expect(page.locator("#result-demo")).to_be_visible()


def test_first_transcript_moves_focus_to_its_title(page: Page) -> None:
    page.locator("#files").focus()
    transcribe(page, SPOKEN)
    expect(page.locator("#result-title")).to_be_focused()
    expect(page.locator("#announcer")).to_have_text(f"{SPOKEN.name}: teksten er klar.")


def test_clicking_a_word_plays_from_it(page: Page) -> None:
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, SPOKEN)
    shown = answered.value.json()["formatted_words"]
    assert page.locator("#audio").evaluate("audio => audio.paused")
    page.locator("#transcript .w").nth(5).click()
    until(page, "!document.querySelector('#audio').paused")
    assert current_time(page) >= shown[5]["start"]
    until(page, "document.querySelector('.w.now')?.dataset.i > 5")
    page.locator("#play").click()
    until(page, "document.querySelector('#audio').paused")


def test_waveform_is_drawn_and_a_click_on_it_seeks(page: Page) -> None:
    transcribe(page, SPOKEN)
    expect(page.locator("#wave-note")).to_be_hidden()
    box = page.locator("#wave").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    duration = float(page.locator("#wave").get_attribute("aria-valuemax") or 0)
    assert current_time(page) == pytest.approx(duration / 2, rel=0.02)
    # The bars of both halves have their own colours, so something was painted in both.
    colours = page.locator("#wave canvas").evaluate(
        """canvas => {
            const copy = new OffscreenCanvas(canvas.width, canvas.height);
            const context = copy.getContext('2d', {willReadFrequently: true});
            context.drawImage(canvas, 0, 0);
            const seen = share => {
                const from = Math.floor(canvas.width * share);
                const {data} = context.getImageData(from, 0, 100, canvas.height);
                for (let i = 0; i < data.length; i += 4)
                    if (data[i + 3] === 255) return [...data.slice(i, i + 3)].join();
                return null;
            };
            return [seen(0.3), seen(0.6)];
        }"""
    )
    assert colours[0]
    assert colours[1]
    assert colours[0] != colours[1]


def test_words_below_the_threshold_are_marked_by_more_than_colour(page: Page) -> None:
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, SPOKEN)
    shown = answered.value.json()["formatted_words"]
    middle = sorted(word["confidence"] for word in shown)[len(shown) // 2]
    share = int(middle * 100) // 5 * 5
    for percent in (share, 100):
        page.locator("#threshold").fill(str(percent))
        expected = [word["word"] for word in shown if word["confidence"] < percent / 100]
        assert page.locator(".w.unsure").all_text_contents() == expected
        assert page.get_by_role("mark").all_text_contents() == expected
        if not expected:
            expect(page.locator("#next-unsure")).to_be_disabled()
    line = page.locator(".w.unsure").first.evaluate("word => getComputedStyle(word).textDecoration")
    assert "dotted" in line
    page.locator("#next-unsure").click()
    expect(page.locator(".w").nth(1)).to_be_focused()
    expect(page.locator("#word-readout")).to_contain_text("bare")


def test_options_are_sent_to_the_service(page: Page) -> None:
    page.select_option("#language", "da")
    page.locator("#more summary").click()
    page.fill("#hotwords", "menuhierarkiet:-30\nstandard")
    page.select_option("#n_best", "3")
    page.locator("#remove_hesitations").check()
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, DANISH)
    answer = answered.value.json()
    assert (answer["model"], answer["language"]) == ("demo-da", "da")
    kept, avoided = DANISH_TEXT.rsplit(" ", 1)
    assert avoided == "menuhierarkiet"
    assert answer["text"].startswith(f"{kept} ")
    assert avoided not in answer["text"]
    assert page.locator("#transcript p").get_attribute("lang") == "da"
    page.locator("#alternatives summary").click()
    alternatives = page.locator("#alternative-list li")
    assert alternatives.count() == len(answer["alternatives"]) > 1
    alternatives.nth(1).get_by_role("button").click()
    assert words(page) == answer["alternatives"][1]["text"].split()


def test_hotwords_are_not_sent_to_a_decoder_without_hotwords(page: Page) -> None:
    page.locator("#more summary").click()
    page.fill("#hotwords", "Ås")
    page.select_option("#decoder", "greedy")
    expect(page.locator("#hotwords")).to_be_disabled()
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, SPOKEN)
    assert answered.value.json()["decoder"] == "greedy"


def test_options_are_stored_except_names(opened: Opener) -> None:
    page = opened()
    page.select_option("#language", "da")
    page.locator("#more summary").click()
    page.fill("#hotwords", "en hemmelighet")
    page.locator("#format_text").uncheck()
    page.reload()
    ready(page)
    expect(page.locator("#language")).to_have_value("da")
    expect(page.locator("#format_text")).not_to_be_checked()
    assert "hemmelighet" not in json.dumps(page.evaluate("({...localStorage})"))


def test_bad_file_fails_alone_with_a_message(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "brev.txt"
    letter.write_text("Kjære alle sammen, dette er ikke lyd.\n" * 50)
    page.set_input_files("#files", [letter, SPOKEN])
    page.wait_for_selector("#result:not([hidden])")
    lines = page.locator(".job")
    problem = lines.nth(0).get_by_role("alert")
    expect(problem).to_contain_text("Filen er ikke i noe lydformat serveren forstår.")
    expect(problem).to_contain_text("Lagre den som WAV, MP3, M4A, FLAC eller Ogg")
    problem.locator("summary").click()
    expect(problem).to_contain_text("Forespørsel")
    expect(lines.nth(1)).to_contain_text("Klar")
    lines.nth(0).get_by_role("button", name="Fjern").click()
    expect(lines).to_have_count(1)


def test_waiting_or_uploading_recording_can_be_cancelled(page: Page) -> None:
    # The upload is held up on its way, as by a slow line.
    page.route("**/transcribe", lambda _: None)
    page.set_input_files("#files", [SPOKEN, DANISH])
    lines = page.locator(".job")
    for line in (1, 0):
        lines.nth(line).get_by_role("button", name="Avbryt").click()
        expect(lines.nth(line)).to_contain_text("Avbrutt")
    page.unroute("**/transcribe")
    lines.nth(0).get_by_role("button", name="Prøv igjen").click()
    page.wait_for_selector("#result:not([hidden])")
    assert words(page)[0] == TEXT.split()[0].capitalize()


def test_busy_service_is_retried_after_retry_after(page: Page) -> None:
    busy = {
        "error": {
            "message": "Full.",
            "type": "rate_limit_error",
            "param": None,
            "code": "queue_full",
        }
    }
    page.route(
        "**/transcribe",
        lambda route: route.fulfill(status=429, headers={"retry-after": "1"}, json=busy),
        times=1,
    )
    page.set_input_files("#files", SPOKEN)
    expect(page.locator(".job-state")).to_contain_text("Prøver igjen om 1 sekund")
    page.wait_for_selector("#result:not([hidden])")


def test_files_can_be_dropped_anywhere(page: Page) -> None:
    page.evaluate(
        """async bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], 'sluppet.flac'));
            for (const type of ['dragenter', 'dragover', 'drop'])
                document.body.dispatchEvent(
                    new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        list(SPOKEN.read_bytes()),
    )
    expect(page.locator("#result-title")).to_have_text("sluppet.flac")
