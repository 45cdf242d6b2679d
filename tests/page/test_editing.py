"""Editing on the page: words, paragraphs, finding and replacing, and undoing all of it."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from browsing import (
    JOBS_KEY,
    KEY,
    Opener,
    authorized,
    downloaded,
    paragraphs,
    samples,
    transcribe,
    until,
    word,
    words,
)
from conversation import FIRST, SECOND, open_conversation
from playwright.sync_api import Page, expect
from running import RunningServer

SPOKEN, TEXT = samples("demo-nb")[1]
WRITTEN = f"{TEXT.capitalize()}."


def write(page: Page, text: str) -> None:
    """Writes the word anew whose input is open."""
    expect(page.get_by_label("Rett ordet")).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def edited(page: Page) -> list[dict]:
    """The words of the edited text."""
    return list(json.loads(downloaded(page, "json")[1])["words"])


@pytest.fixture
def text(page: Page) -> Page:
    transcribe(page, SPOKEN)
    return page


def test_corrected_word_keeps_its_time_and_is_certain(page: Page) -> None:
    with page.expect_response("**/transcribe") as answered:
        transcribe(page, SPOKEN)
    before = answered.value.json()["formatted_words"]
    page.locator(".w", has_text="kraftig").dblclick()
    write(page, "voldsomt")
    expect(word(page, "voldsomt")).to_be_focused()
    assert paragraphs(page) == [WRITTEN.replace("kraftig", "voldsomt")]
    expect(page.locator("#result-facts")).to_contain_text("rettet av deg")
    after = edited(page)
    assert [(w["start"], w["end"]) for w in after] == [(w["start"], w["end"]) for w in before]
    changed = next(w for w in after if w["word"] == "voldsomt")
    assert changed["confidence"] == 1


def test_words_written_in_the_place_of_one_share_its_time(text: Page) -> None:
    word(text, "kraftig").press("e")
    write(text, "svært kraftig")
    written = edited(text)
    [i] = [i for i, w in enumerate(written) if w["word"] == "svært"]
    before, first, second, after = written[i - 1 : i + 3]
    assert before["end"] <= first["start"] < first["end"] <= second["start"] < second["end"]
    assert second["end"] <= after["start"]
    assert second["word"] == "kraftig"


def test_emptied_word_is_deleted_and_escape_leaves_a_word(text: Page) -> None:
    word(text, "kraftig").press("F2")
    text.keyboard.press("Delete")
    text.keyboard.press("Enter")
    assert paragraphs(text) == [WRITTEN.replace("kraftig ", "")]
    word(text, "dels").press("F2")
    text.keyboard.type("mye")
    text.keyboard.press("Escape")
    expect(word(text, "dels")).to_be_focused()
    assert "dels" in words(text)


def test_word_is_corrected_when_another_control_is_used(text: Page) -> None:
    word(text, "dels").press("e")
    text.keyboard.type("delvis")
    text.locator("#copy").click()
    expect(text.locator("#text-note")).to_have_text("Teksten er kopiert.")
    assert text.evaluate("navigator.clipboard.readText()") == WRITTEN.replace("dels", "delvis")


def test_paragraphs_are_split_and_joined_at_the_cursor(text: Page) -> None:
    first, second = "Regn til dels kraftig og", "regn som fryser."
    word(text, "regn").press("s")
    assert paragraphs(text) == [first, second]
    expect(word(text, "regn")).to_be_focused()
    assert [s["text"] for s in json.loads(downloaded(text, "json")[1])["segments"]] == [
        first,
        second,
    ]
    word(text, "som").press("j")
    assert paragraphs(text) == [WRITTEN]
    word(text, "dels").focus()
    text.get_by_role("button", name="Nytt avsnitt").click()
    assert paragraphs(text) == ["Regn til", "dels kraftig og regn som fryser."]
    text.get_by_role("button", name="Slå sammen avsnitt").click()
    assert paragraphs(text) == [WRITTEN]


def test_player_is_operated_while_a_word_is_written(text: Page) -> None:
    text.locator("#audio").evaluate("audio => { audio.currentTime = 3.2 }")
    word(text, "kraftig").press("e")
    text.keyboard.press("F7")
    assert text.locator("#audio").evaluate("audio => audio.currentTime") < 0.5
    text.keyboard.press("F9")
    until(text, "document.querySelector('#audio').currentTime > 0.3")
    text.keyboard.press("F9")
    until(text, "document.querySelector('#audio').paused")
    expect(text.get_by_label("Rett ordet")).to_be_focused()


def test_places_are_found_one_after_another(text: Page) -> None:
    word(text, "Regn").press("f")
    expect(text.get_by_label("Finn", exact=True)).to_be_focused()
    state = text.locator("#find-state")
    found = text.locator(".w.match")
    text.keyboard.type("re")
    expect(state).to_have_text("1 av 2")
    expect(found).to_have_text("Regn")
    text.keyboard.press("Enter")
    expect(state).to_have_text("2 av 2")
    expect(found).to_have_text("regn")
    text.keyboard.press("Enter")
    expect(state).to_have_text("1 av 2")
    text.keyboard.press("Shift+Enter")
    expect(state).to_have_text("2 av 2")
    text.get_by_label("Skill store og små bokstaver").check()
    expect(state).to_have_text("1 av 1")
    text.get_by_label("Hele ord").check()
    expect(state).to_have_text("Ikke funnet")
    text.fill("#find-text", "regn  som")
    expect(found).to_have_text(["regn", "som"])
    text.get_by_label("Hele ord").uncheck()
    text.fill("#find-text", ".")
    expect(state).to_have_text("1 av 1")
    text.keyboard.press("Escape")
    expect(text.locator("#find")).to_be_hidden()
    expect(found).to_have_count(0)
    expect(word(text, "fryser.")).to_be_focused()


def test_places_are_replaced_one_by_one_and_all_at_once(text: Page) -> None:
    word(text, "Regn").press("f")
    text.keyboard.type("regn")
    new = text.get_by_label("Erstatt med")
    new.fill("Sludd og $& snø")
    new.press("Enter")
    assert paragraphs(text) == ["Sludd og $& snø til dels kraftig og regn som fryser."]
    expect(text.locator("#find-state")).to_have_text("1 av 1")
    text.fill("#find-text", "e")
    new.fill("")
    text.get_by_role("button", name="Erstatt alle").click()
    expect(text.locator("#find-state")).to_have_text("3 steder er erstattet.")
    assert paragraphs(text) == ["Sludd og $& snø til dls kraftig og rgn som frysr."]
    times = [(w["start"], w["end"]) for w in edited(text)]
    assert times == sorted(times)
    text.get_by_role("button", name="Angre").click()
    text.get_by_role("button", name="Angre").click()
    assert paragraphs(text) == [WRITTEN]


def test_phrase_is_replaced_by_one_word_that_has_its_time(text: Page) -> None:
    before = json.loads(downloaded(text, "json")[1])["formatted_words"]
    word(text, "Regn").press("f")
    text.keyboard.type("til dels")
    text.get_by_label("Erstatt med").fill("delvis")
    text.keyboard.press("Enter")
    replaced = edited(text)[1]
    assert replaced["word"] == "delvis"
    assert (replaced["start"], replaced["end"]) == (before[1]["start"], before[2]["end"])


def test_every_step_is_undone_and_done_again(page: Page, tmp_path: Path) -> None:
    open_conversation(page, tmp_path)
    keys = page.keyboard
    states = []

    def shown() -> tuple[list[str], list[str]]:
        return paragraphs(page), page.locator(".speaker-name").all_text_contents()

    states.append(shown())
    word(page, "bruke").press("e")
    write(page, "benytte")
    states.append(shown())
    word(page, "sjakkmønster").press("s")
    states.append(shown())
    keys.press("2")
    states.append(shown())
    word(page, "dels").press("Shift+Digit1")
    states.append(shown())
    page.get_by_label("Navn på taler 1").fill("Kari")
    page.keyboard.press("Enter")
    states.append(shown())
    page.get_by_label("Navn på taler 2").fill("Kari")
    page.keyboard.press("Enter")
    states.append(shown())
    word(page, "som").press("j")
    states.append(shown())
    for before, after in pairwise(states):
        assert before != after

    word(page, "som").focus()
    for state in reversed(states[:-1]):
        keys.press("Control+z")
        assert shown() == state
    expect(page.locator("#undo")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#view-choice")).to_be_visible()
    for number, state in enumerate(states[1:]):
        keys.press("Control+Shift+Z" if number % 2 else "Control+y")
        assert shown() == state
    expect(page.locator("#redo")).to_have_attribute("aria-disabled", "true")


def test_new_step_drops_the_undone_ones(text: Page) -> None:
    word(text, "kraftig").press("s")
    text.keyboard.press("Control+z")
    word(text, "dels").press("s")
    expect(text.locator("#redo")).to_have_attribute("aria-disabled", "true")
    text.keyboard.press("Control+y")
    assert paragraphs(text) == ["Regn til", "dels kraftig og regn som fryser."]


def test_text_without_a_recording_is_edited(opened: Opener, served: RunningServer) -> None:
    with served.client(headers=authorized(JOBS_KEY)) as client:
        job = client.post("/jobs", files={"file": ("møte.flac", SPOKEN.read_bytes())}).json()
        client.get(f"/jobs/{job['id']}?wait=60")
        page = opened(key=JOBS_KEY)
        page.locator("#stored-list").get_by_role("button", name="Vis teksten").click()
        word(page, "kraftig").press("e")
        write(page, "voldsomt")
        assert "voldsomt" in downloaded(page, "srt")[1]
        expect(page.locator("#edit")).to_be_hidden()
        client.delete(f"/jobs/{job['id']}")


_RANDOM_EDITS = """async ({result, seed, count}) => {
    const edits = await import('/web/js/edits.js');
    const {versionsOf, wordsOf, transcriptOf} = await import('/web/js/versions.js');
    let state = seed;
    const random = below => (state = (state * 16807) % 2147483647) % below;
    const texts = ['', 'én', 'to ord', 'tre nye ord', 'a-b'];
    let version = versionsOf(result).readable;
    for (let i = 0; i < count; i++) {
        const total = wordsOf(version).length;
        if (!total) break;
        const at = random(total);
        const {speakers} = version;
        const speaker = speakers[random(speakers.length)].id;
        version = [
            () => edits.split(version, at),
            () => edits.join(version, at),
            () => edits.give(version, at, ['word', 'paragraph', 'turn'][random(3)], speaker),
            () => edits.correct(version, at, texts[random(texts.length)]),
            () => edits.addSpeaker(version, {id: `n${i}`, name: `Ny ${i}`}),
            () => edits.rename(version, speaker, `Ny ${random(4)}`),
            () => {
                const query = {text: 'aeirs o'[random(7)], matchCase: false, wholeWords: false};
                const found = edits.find(version, query);
                return edits.replace(version, found.slice(0, 3), texts[random(texts.length)]);
            },
        ][random(7)]();
        if (version.paragraphs.some(({words}) => !words.length)) throw new Error('empty paragraph');
    }
    return transcriptOf(version, result);
}"""


@pytest.mark.parametrize("seed", range(1, 9))
def test_text_can_be_downloaded_after_any_edits(
    page: Page, served: RunningServer, tmp_path: Path, seed: int
) -> None:
    with page.expect_response("**/transcribe") as answered:
        open_conversation(page, tmp_path)
    result = answered.value.json()
    transcript = page.evaluate(_RANDOM_EDITS, {"result": result, "seed": seed, "count": 60})
    with served.client(headers=authorized(KEY)) as client:
        for form in ("text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm"):
            answer = client.post(f"/render?response_format={form}", json=transcript)
            assert answer.status_code == 200, (form, answer.text)
            for token in {t for w in transcript["words"] for t in w["word"].split()}:
                assert token in answer.text, (form, token)
    assert {FIRST, SECOND} & set(paragraphs(page))


def test_least_sure_lines_come_first_and_each_once(page: Page, tmp_path: Path) -> None:
    with page.expect_response("**/transcribe") as answered:
        open_conversation(page, tmp_path)
    lines: dict[str, list[float]] = {}
    for spoken in answered.value.json()["formatted_words"]:
        lines.setdefault(spoken["speaker"], []).append(spoken["confidence"])
    means = [sum(confidences) / len(confidences) for confidences in lines.values()]
    first_words = [page.locator("#transcript p .w:first-child").nth(line) for line in (0, 1)]
    least = means.index(min(means))
    page.get_by_role("button", name="Mest usikre linje").click()
    expect(first_words[least]).to_be_focused()
    page.keyboard.press("l")
    expect(first_words[1 - least]).to_be_focused()
    page.keyboard.press("l")
    expect(page.locator("#text-note")).to_have_text("Du har sett på alle linjene.")
    expect(first_words[1 - least]).to_be_focused()
