"""The choices of a recording: speakers, detected languages, what is masked, rules of subtitles."""

import json

import pytest
from browsing import Opener, downloaded, ready, samples, transcribe
from playwright.sync_api import Page, Route, expect

SPOKEN, _ = samples("demo-nb")[0]
WORD = "sjakkmønster"
DANISH, _ = samples("demo-da")[1]


@pytest.fixture
def chooser(page: Page) -> Page:
    """The page with all choices open."""
    page.locator("#more summary").click()
    return page


def test_speakers_are_found_where_chosen_and_the_choice_is_remembered(chooser: Page) -> None:
    expect(chooser.locator("#num_speakers")).to_be_hidden()
    chooser.get_by_label("Finn ut hvem som snakker").check()
    chooser.get_by_label("Antall talere").select_option("1")
    with chooser.expect_response("**/transcribe") as answered:
        transcribe(chooser, SPOKEN)
    speakers = answered.value.json()["speakers"]
    assert len(speakers) == 1
    expect(chooser.locator(".speaker-name")).to_have_count(1)
    chooser.reload()
    ready(chooser)
    expect(chooser.locator("#diarize")).to_be_checked()
    expect(chooser.locator("#num_speakers")).to_have_value("1")


def test_channels_and_voices_are_not_chosen_together(chooser: Page) -> None:
    chooser.get_by_label("Hver kanal er én taler").check()
    expect(chooser.locator("#diarize")).to_be_disabled()
    chooser.get_by_label("Hver kanal er én taler").uncheck()
    expect(chooser.locator("#diarize")).to_be_enabled()


def test_speakers_are_not_offered_by_a_service_without_the_extra(page: Page) -> None:
    def without(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"diarize": False})

    page.route("**/health", without)
    page.reload()
    ready(page)
    page.locator("#more summary").click()
    expect(page.locator("#channels")).to_be_visible()
    expect(page.locator("#diarize")).to_be_hidden()


def test_language_of_a_recording_is_detected(chooser: Page) -> None:
    language = chooser.get_by_label("Språket som snakkes")
    language.select_option(label="Gjenkjennes for hver ytring")
    expect(chooser.locator("#n_best")).to_be_disabled()
    language.select_option(label="Gjenkjennes automatisk")
    expect(chooser.locator("#n_best")).to_be_enabled()
    with chooser.expect_response("**/transcribe") as answered:
        transcribe(chooser, DANISH)
    assert answered.value.json()["languages"][0]["language"] == "da"
    assert chooser.locator("#transcript p").first.get_attribute("lang") == "da"
    expect(chooser.locator("#result-facts")).to_contain_text("Dansk")


def test_recorded_speech_in_a_detected_language_is_transcribed_after_it(chooser: Page) -> None:
    chooser.select_option("#language", "auto")
    chooser.get_by_role("button", name="Ta opp").click()
    chooser.locator("#live-text p:not([aria-hidden])").first.wait_for()
    with chooser.expect_response("**/transcribe") as answered:
        chooser.get_by_role("button", name="Stopp").click()
    chooser.wait_for_selector("#result:not([hidden])")
    assert answered.value.json()["languages"]
    expect(chooser.locator("#result-facts")).not_to_contain_text("skrevet mens du snakket")


def test_names_are_masked_and_not_stored(opened: Opener) -> None:
    page = opened()
    page.locator("#more summary").click()
    expect(page.locator("#redact_names")).to_be_hidden()
    page.get_by_label("Navn fra en liste").check()
    page.get_by_label("Telefonnummer").check()
    page.get_by_label("Navn som skjules").fill(f"Kari\n{WORD}")
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, SPOKEN)
    assert [item["kind"] for item in answered.value.json()["redactions"]] == ["names"]
    expect(page.locator("#transcript")).to_contain_text("[navn]")
    assert WORD not in downloaded(page, "txt")[1]
    assert WORD not in json.dumps(page.evaluate("({...localStorage})"))
    page.reload()
    ready(page)
    page.locator("#more summary").click()
    expect(page.get_by_label("Navn fra en liste")).to_be_checked()
    expect(page.get_by_label("Telefonnummer")).to_be_checked()
    expect(page.get_by_label("Kortnummer")).not_to_be_checked()
    expect(page.locator("#redact_names")).to_have_value("")


def test_live_text_is_masked(page: Page) -> None:
    page.locator("#more summary").click()
    page.get_by_label("Navn fra en liste").check()
    page.get_by_label("Navn som skjules").fill("kraftig")
    page.get_by_role("button", name="Ta opp").click()
    page.locator("#live-text p:not([aria-hidden])", has_text="[navn]").wait_for()
    page.get_by_role("button", name="Stopp").click()
    page.wait_for_selector("#result:not([hidden])")
    expect(page.locator("#result-facts")).to_contain_text("skrevet mens du snakket")
    expect(page.locator("#transcript")).to_contain_text("[navn]")
    expect(page.locator("#transcript")).not_to_contain_text("kraftig")


def test_subtitles_follow_the_chosen_rules(page: Page) -> None:
    transcribe(page, SPOKEN)
    rules = page.get_by_label("Regler for teksting")
    expect(rules).to_have_value("netflix")
    rules.select_option("NRK")
    with page.expect_request("**/render?*") as sent:
        assert "-->" in downloaded(page, "srt")[1]
    assert "subtitles=nrk" in sent.value.url
    with page.expect_request("**/render?*") as sent:
        downloaded(page, "txt")
    assert "subtitles" not in sent.value.url
    page.reload()
    ready(page)
    expect(page.locator("#subtitle-rules")).to_have_value("nrk")
