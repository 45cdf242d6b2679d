"""A service with keys: the page requests one, reports a wrong one, and removes it on request."""

from browsing import KEY, Opener, samples, transcribe
from playwright.sync_api import expect

SPOKEN, TEXT = samples("demo-nb")[1]


def test_entering_the_key_resumes_the_job(opened: Opener) -> None:
    page = opened(key=None)
    page.set_input_files("#files", SPOKEN)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Denne serveren ber om en nøkkel")
    key = dialog.get_by_label("Nøkkel", exact=True)
    expect(key).to_be_focused()
    key.fill("feil")
    key.press("Enter")
    expect(dialog).to_contain_text("Nøkkelen er ikke kjent her")
    key.fill(KEY)
    dialog.get_by_role("button", name="Bruk nøkkelen").click()
    page.wait_for_selector("#result:not([hidden])")
    expect(page.locator("#transcript p")).to_have_text(f"{TEXT.capitalize()}.")
    assert page.evaluate("JSON.stringify({...localStorage})").find(KEY) == -1

    # The tab keeps the key, also after a reload, until the user removes it.
    page.reload()
    transcribe(page, SPOKEN)
    page.get_by_role("button", name="Glem nøkkelen").click()
    page.set_input_files("#files", SPOKEN)
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    problem = page.locator(".job").nth(1).get_by_role("alert")
    expect(problem).to_contain_text("Serveren ber om en nøkkel.")


def test_live_text_requests_the_key(opened: Opener) -> None:
    page = opened(key=None)
    page.get_by_role("button", name="Ta opp").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Nøkkel", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    page.locator("#live-text p:not([aria-hidden])", has_text=TEXT.split()[-1]).wait_for()
    page.get_by_role("button", name="Forkast").click()
