"""The microphone: live text while it records, and the kept recording. Chromium plays a file."""

import io
from pathlib import Path

import soundfile
from browsing import Opener, samples, until, words
from playwright.sync_api import Page, WebSocketRoute, expect

_, TEXT = samples("demo-nb")[1]
LAST = TEXT.split()[-1]


def record_the_sentence(page: Page) -> None:
    """Records until the whole sentence is written."""
    page.get_by_role("button", name="Ta opp").click()
    page.locator("#live-text p:not([aria-hidden])", has_text=LAST).wait_for()


def test_live_text_becomes_a_transcript_and_the_recording_is_kept(page: Page) -> None:
    seen: list[str] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda data: seen.append(str(data)))
    )
    record_the_sentence(page)
    expect(page.locator("#live-state")).to_have_text("Lytter")
    expect(page.get_by_role("button", name="Ta opp")).to_be_disabled()
    expect(page.locator("#live-text")).to_have_attribute("role", "log")
    page.get_by_role("button", name="Stopp").click()
    page.wait_for_selector("#result:not([hidden])")
    assert any('"type":"partial"' in data for data in seen)
    assert page.locator("#transcript p").inner_text() == f"{TEXT.capitalize()}."
    page.get_by_text("Ord for ord", exact=True).click()
    assert words(page) == TEXT.split()
    expect(page.locator("#result-facts")).to_contain_text("skrevet mens du snakket")

    with page.expect_download() as waiting:
        page.locator("#download-list button", has_text=".wav").click()
    kept, rate = soundfile.read(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    shown = float(page.locator("#wave").get_attribute("aria-valuemax") or 0)
    assert abs(len(kept) / rate - shown) < 0.02
    assert abs(kept).max() > 0.05

    page.get_by_role("button", name="Transkriber på nytt").click()
    expect(page.locator("#result-facts")).not_to_contain_text("skrevet mens du snakket")
    assert words(page) == TEXT.split()


def test_live_text_reconnects_after_a_lost_connection(page: Page) -> None:
    opened: list[str] = []

    def between(socket: WebSocketRoute) -> None:
        opened.append(socket.url)
        server = socket.connect_to_server()
        pieces = 0

        def sending(data: str | bytes) -> None:
            nonlocal pieces
            pieces += 1
            if len(opened) == 1 and pieces == 12:
                server.close(code=3000)
                socket.close(code=3000)
            elif not (len(opened) == 1 and pieces > 12):
                server.send(data)

        socket.on_message(sending)

    page.route_web_socket("**/stream?*", between)
    record_the_sentence(page)
    page.get_by_role("button", name="Stopp").click()
    page.wait_for_selector("#result:not([hidden])")
    assert len(opened) == 2
    assert "session=" in opened[1]
    assert page.locator("#transcript p").inner_text() == f"{TEXT.capitalize()}."


def test_without_live_text_the_recording_is_transcribed_after_it(page: Page) -> None:
    page.route_web_socket("**/stream?*", lambda socket: socket.close(code=1013, reason="full"))
    page.get_by_role("button", name="Ta opp").click()
    expect(page.locator("#live-note")).to_contain_text("Det går ikke å vise teksten underveis")
    until(page, "document.querySelector('#live-clock').textContent >= '0:06'")
    page.get_by_role("button", name="Stopp").click()
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#transcript p").inner_text() == f"{TEXT.capitalize()}."


def test_recording_can_be_discarded(page: Page) -> None:
    page.get_by_role("button", name="Ta opp").click()
    until(page, "document.querySelector('#live-clock').textContent > '0:00'")
    page.get_by_role("button", name="Forkast").click()
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("#jobs")).to_be_hidden()
    expect(page.get_by_role("button", name="Ta opp")).to_be_focused()


def test_denied_microphone_access_is_explained(opened: Opener) -> None:
    page = opened()
    page.evaluate(
        """() => navigator.mediaDevices.getUserMedia =
            async () => { throw new DOMException('no', 'NotAllowedError') }"""
    )
    page.get_by_role("button", name="Ta opp").click()
    expect(page.locator("#live-note")).to_contain_text("Siden får ikke bruke mikrofonen")
    expect(page.get_by_role("button", name="Ta opp")).to_be_focused()
