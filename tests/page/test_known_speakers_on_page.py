"""Known speakers on the page: kept from a turn or a file, listed, used and erased."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from browsing import KEY, authorized, ready, samples, transcribe, word
from conversation import open_conversation, write_conversation
from playwright.sync_api import Locator, Page, Route, expect
from running import RunningServer

SPOKEN, _ = samples("demo-nb")[0]
NAME = "Kari Nordmann"
BIOMETRIC = "biometrisk opplysning"


@pytest.fixture
def client(served: RunningServer) -> Iterator[httpx.Client]:
    """A client with the key of the pages, which has no known speakers before and after."""
    with served.client(headers=authorized(KEY)) as opened:
        yield opened
        for speaker in kept(opened):
            opened.delete(f"/speakers/{speaker['id']}")


def kept(client: httpx.Client) -> list[dict[str, object]]:
    return list(client.get("/speakers").json()["speakers"])


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Ta vare på en stemme")


def lines(page: Page) -> Locator:
    return page.locator("#voice-list > li")


def test_voice_of_a_turn_gives_its_name_to_the_next_text(page: Page, client: httpx.Client) -> None:
    page.locator("#more summary").click()
    expect(page.get_by_label("Kjente talere får navn")).to_be_hidden()
    page.get_by_label("Finn ut hvem som snakker").check()
    page.get_by_label("Kjente talere får navn").check()
    transcribe(page, SPOKEN)
    expect(page.locator(".speaker-name")).to_have_text("speaker 1")
    page.get_by_role("button", name="Ta vare på stemmen …").press("Enter")
    expect(dialog(page)).to_contain_text(BIOMETRIC)
    expect(dialog(page)).to_contain_text(f"i {SPOKEN.name}")
    expect(page.get_by_label("Navnet til taleren")).to_be_focused()
    expect(page.get_by_label("Navnet til taleren")).to_have_value("")
    page.keyboard.type(NAME)
    page.keyboard.press("Enter")
    dialog(page).wait_for(state="hidden")
    expect(page.locator("#announcer")).to_have_text(f"Stemmen til {NAME} er tatt vare på.")
    assert [speaker["name"] for speaker in kept(client)] == [NAME]
    page.get_by_role("button", name="Transkriber på nytt").click()
    page.locator(".speaker-name", has_text=NAME).wait_for()
    expect(page.get_by_label("Navn på taler 1")).to_have_value(NAME)


def test_speaker_is_added_from_a_file_listed_and_erased(page: Page, client: httpx.Client) -> None:
    page.locator("#voices summary").click()
    expect(page.locator("#voices")).to_contain_text(BIOMETRIC)
    expect(page.locator("#voices")).to_contain_text("Ingen stemmer er tatt vare på ennå.")
    page.get_by_role("button", name="Legg til en kjent taler").click()
    page.get_by_label("Navnet til taleren").fill(NAME)
    dialog(page).get_by_label("Opptak").set_input_files(SPOKEN)
    page.get_by_role("button", name="Ta vare på stemmen", exact=True).click()
    lines(page).filter(has_text=NAME).wait_for()
    expect(lines(page)).to_have_count(1)
    expect(lines(page)).to_contain_text("lagt til")
    page.get_by_role("button", name=f"Slett {NAME}").click()
    confirmation = page.get_by_role("alertdialog", name="Slette stemmen?")
    expect(confirmation).to_contain_text(f"stemmeavtrykket til {NAME}")
    page.keyboard.press("Escape")
    assert len(kept(client)) == 1
    # From another machine meanwhile: the line goes too.
    client.delete(f"/speakers/{kept(client)[0]['id']}")
    page.get_by_role("button", name=f"Slett {NAME}").click()
    confirmation.get_by_role("button", name="Slett", exact=True).click()
    expect(lines(page)).to_have_count(0)
    expect(page.locator("#voice-add")).to_be_focused()
    expect(page.locator("#announcer")).to_have_text(f"{NAME} er slettet.")


def test_refused_voices_are_explained(page: Page, tmp_path: Path, client: httpx.Client) -> None:
    open_conversation(page, tmp_path)
    word(page, "Regn").press("Shift+Digit3")
    page.get_by_role("button", name="Ta vare på stemmen …").click()
    page.get_by_label("Navnet til taleren").fill("Speaker 2")
    page.keyboard.press("Enter")
    problem = dialog(page).get_by_role("alert")
    problem.filter(has_text="Det navnet kan ikke brukes.").wait_for()
    page.get_by_label("Navnet til taleren").fill(NAME)
    page.keyboard.press("Enter")
    problem.filter(has_text="Stemmen kan ikke hentes fra dette opptaket.").wait_for()
    problem.locator("summary").click()
    expect(problem).to_contain_text("accepted: 2 to 60 s")
    assert kept(client) == []


def test_known_speakers_are_not_offered_where_they_are_not_allowed(page: Page) -> None:
    def without(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"known_speakers": False})

    page.route("**/health", without)
    page.reload()
    ready(page)
    page.locator("#more summary").click()
    page.get_by_label("Finn ut hvem som snakker").check()
    transcribe(page, SPOKEN)
    expect(page.locator("#give")).to_be_visible()
    for hidden in ("#voices", "#known_speakers", "#keep-voice"):
        expect(page.locator(hidden)).to_be_hidden()


def test_piece_of_a_recording_is_cut_to_the_sample(page: Page, tmp_path: Path) -> None:
    stereo = write_conversation(tmp_path / "samtale.wav")
    for path in (stereo, SPOKEN):
        recorded, rate = soundfile.read(path, always_2d=True)
        piece = page.evaluate(
            """async ([bytes, times]) => {
                const { cut } = await import("/web/js/cut.js");
                const whole = new Blob([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))]);
                const wav = new Uint8Array(await (await cut(whole, times)).arrayBuffer());
                let text = "";
                for (const byte of wav) text += String.fromCharCode(byte);
                return btoa(text);
            }""",
            [
                base64.b64encode(path.read_bytes()).decode(),
                {"start": 0.5, "end": 2.25, "duration": len(recorded) / rate},
            ],
        )
        samples, own_rate = soundfile.read(io.BytesIO(base64.b64decode(piece)))
        expected = recorded.mean(axis=1)[round(0.5 * rate) : round(2.25 * rate)]
        assert own_rate == rate
        np.testing.assert_allclose(samples, expected, atol=2e-4)
