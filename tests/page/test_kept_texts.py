"""Edited texts are kept in the browser: a closed tab loses nothing, until they are removed."""

from pathlib import Path

from browsing import (
    JOBS_KEY,
    Opener,
    authorized,
    downloaded,
    ready,
    samples,
    transcribe,
    until,
    word,
    words,
)
from conversation import open_conversation
from playwright.sync_api import Dialog, Page, expect
from running import RunningServer

SPOKEN, TEXT = samples("demo-nb")[1]
OTHER, _ = samples("demo-nb")[2]
KEPT = "Endringene dine ligger i denne nettleseren."


def correct_word(page: Page, text: str, written: str) -> None:
    word(page, text).press("e")
    page.keyboard.type(written)
    page.keyboard.press("Enter")


def opened_again(page: Page) -> Page:
    """Closes the tab without its consent, and opens the page in another one."""
    address = page.url
    other = page.context.new_page()
    page.close()
    other.goto(address)
    return ready(other)


def show_text(page: Page) -> None:
    page.locator("#job-list").get_by_role("button", name="Vis teksten").click()


def test_edits_names_and_recording_are_there_after_the_tab_was_closed(
    page: Page, tmp_path: Path
) -> None:
    open_conversation(page, tmp_path)
    correct_word(page, "bruke", "benytte")
    page.get_by_label("Navn på taler 2").fill("Ola")
    page.keyboard.press("Enter")
    expect(page.locator("#kept-state")).to_have_text(KEPT)
    expect(page.locator(".job-state")).to_contain_text("ligger i nettleseren")
    shown = downloaded(page, "txt")[1]

    other = opened_again(page)
    expect(other.locator("#result")).to_be_hidden()
    show_text(other)
    assert downloaded(other, "txt")[1] == shown
    assert "benytte" in shown
    assert "\nOla: " in shown
    expect(other.locator("#kept-state")).to_have_text(KEPT)
    other.locator(".w").nth(3).click()
    until(other, "document.querySelector('#audio').currentTime > 0.5")
    # It is edited on, back to the text of the service.
    other.locator("#undo").click()
    assert "bruke" in words(other)


def test_unused_text_of_the_editor_is_there_after_the_tab_was_closed(page: Page) -> None:
    transcribe(page, SPOKEN)
    page.locator("#edit").click()
    page.fill("#edit-text", "Halvferdig tekst")
    expect(page.locator("#kept-state")).to_have_text(KEPT)
    other = opened_again(page)
    show_text(other)
    expect(other.locator("#text-note")).to_contain_text("ikke tatt i bruk")
    other.locator("#edit").click()
    expect(other.locator("#edit-text")).to_have_value("Halvferdig tekst")


def test_texts_that_were_not_edited_are_not_kept(page: Page) -> None:
    transcribe(page, SPOKEN, OTHER)
    expect(page.locator(".job-state")).to_have_text(["Klar", "Klar"])
    page.locator(".w").nth(2).press("s")
    expect(page.locator("#kept-state")).to_have_text(KEPT)
    other = opened_again(page)
    expect(other.locator(".job-name")).to_have_text([SPOKEN.name])


def test_removed_text_is_gone_for_good_after_a_confirmation(page: Page) -> None:
    transcribe(page, SPOKEN)
    correct_word(page, "kraftig", "voldsomt")
    expect(page.locator("#kept-state")).to_have_text(KEPT)
    page = opened_again(page)
    dialog = page.get_by_role("alertdialog")
    remove = page.get_by_role("button", name=f"Fjern {SPOKEN.name}")
    remove.click()
    expect(dialog).to_contain_text("endringene")
    dialog.get_by_role("button", name="Behold").click()
    expect(page.locator(".job")).to_have_count(1)
    remove.click()
    dialog.get_by_role("button", name="Slett").click()
    expect(page.locator(".job")).to_have_count(0)
    stored = """() => new Promise(resolve => {
        const request = indexedDB.open('nordlyd');
        request.onsuccess = () => {
            const names = [...request.result.objectStoreNames];
            const stores = request.result.transaction(names);
            Promise.all(names.map(name => new Promise(count => {
                stores.objectStore(name).count().onsuccess = ({target}) => count(target.result);
            }))).then(counts => { request.result.close(); resolve(counts); });
        };
    })"""
    assert page.evaluate(stored) == [0, 0, 0]
    page = opened_again(page)
    expect(page.locator(".job")).to_have_count(0)


def test_edited_job_is_opened_with_its_edits_and_erased_with_the_job(
    opened: Opener, served: RunningServer
) -> None:
    with served.client(headers=authorized(JOBS_KEY)) as client:
        job = client.post("/jobs", files={"file": ("møte.flac", SPOKEN.read_bytes())}).json()
        client.get(f"/jobs/{job['id']}?wait=60")
        page = opened(key=JOBS_KEY)
        line = page.locator("#stored-list > li")
        line.get_by_role("button", name="Vis teksten").click()
        correct_word(page, "kraftig", "voldsomt")
        expect(page.locator("#kept-state")).to_have_text(KEPT)

        page = opened_again(page)
        line = page.locator("#stored-list > li")
        line.get_by_role("button", name="Vis teksten").click()
        assert "voldsomt" in words(page)
        line.get_by_role("button", name="Slett").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Slett").click()
        expect(line).to_have_count(0)
        expect(page.locator("#job-list > li")).to_have_count(0)
        page = opened_again(page)
        expect(page.locator("#version")).not_to_be_empty()
        expect(page.locator("#job-list > li")).to_have_count(0)
        assert client.get("/jobs").json()["jobs"] == []


def test_page_warns_where_the_browser_keeps_nothing(opened: Opener) -> None:
    page = opened()
    page.evaluate(
        """() => {
            IDBDatabase.prototype.transaction = () => { throw new DOMException('no') };
        }"""
    )
    transcribe(page, SPOKEN)
    correct_word(page, "kraftig", "voldsomt")
    expect(page.locator("#kept-state")).to_contain_text("kan ikke ta vare på endringene")
    assert "voldsomt" in words(page)
    warnings = []

    def leave(dialog: Dialog) -> None:
        warnings.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    other = page.context.new_page()
    page.close(run_before_unload=True)
    while not page.is_closed():
        other.wait_for_timeout(20)
    assert warnings == ["beforeunload"]


def test_text_is_kept_without_its_recording_where_there_is_no_room(opened: Opener) -> None:
    page = opened()
    page.evaluate(
        """() => {
            const put = IDBObjectStore.prototype.put;
            IDBObjectStore.prototype.put = function (value, ...key) {
                if (value instanceof Blob) throw new DOMException('full', 'QuotaExceededError');
                return put.call(this, value, ...key);
            };
        }"""
    )
    transcribe(page, SPOKEN)
    correct_word(page, "kraftig", "voldsomt")
    expect(page.locator("#kept-state")).to_have_text(KEPT)
    other = opened_again(page)
    show_text(other)
    assert "voldsomt" in words(other)
    expect(other.locator("#player")).to_be_hidden()
    expect(other.locator("#word-readout")).to_contain_text("Opptaket ligger ikke på denne siden")
