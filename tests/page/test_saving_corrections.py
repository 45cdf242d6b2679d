"""Corrected texts of jobs are saved on the service, and kept for training after a tick."""

from browsing import JOBS_KEY, WAIT_MS, Opener, authorized, samples
from playwright.sync_api import expect
from running import RunningServer
from test_editing import WRITTEN, write
from test_page_jobs import erase_all, hand_in, jobs

SPOKEN, _ = samples("demo-nb")[1]


def test_corrected_text_of_a_job_is_saved_and_found_on_another_machine(
    opened: Opener, served: RunningServer
) -> None:
    erase_all(served)
    page = opened(key=JOBS_KEY)
    hand_in(page, SPOKEN)
    expect(jobs(page)).to_have_attribute("data-state", "completed", timeout=WAIT_MS)
    show_text = f"Vis teksten til {SPOKEN.name}"
    page.get_by_role("button", name=show_text).click()
    save = page.get_by_role("button", name="Lagre rettelsen")
    training = page.get_by_label("Den kan brukes, sammen med opptaket")
    expect(page.locator("#transcript p")).not_to_be_empty()
    expect(save).to_be_hidden()
    page.locator("#transcript .w", has_text="kraftig").dblclick()
    write(page, "voldsomt")
    expect(save).to_be_visible()
    expect(training).not_to_be_checked()
    save.click()
    expect(page.locator("#text-note")).to_have_text("Rettelsen er lagret på serveren.")
    training.check()
    save.click()
    expect(page.locator("#text-note")).to_contain_text("for å trene modeller")
    with served.client(headers=authorized(JOBS_KEY)) as client:
        [job] = client.get("/jobs").json()["jobs"]
        assert job["training"] is True
    page.close()

    other = opened(key=JOBS_KEY)
    other.get_by_role("button", name=show_text).click()
    expect(other.locator("#transcript p")).to_have_text(WRITTEN.replace("kraftig", "voldsomt"))
    erase_all(served)
