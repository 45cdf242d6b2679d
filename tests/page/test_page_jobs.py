"""Jobs on the page: handed in, found again from another machine, read, and erased."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from axe_playwright_python.sync_playwright import Axe
from browsing import JOBS_KEY, Opener, authorized, samples
from playwright.sync_api import Locator, Page, Request, expect
from running import RunningServer

SPOKEN, TEXT = samples("demo-nb")[1]
WRITTEN = f"{TEXT.capitalize()}."
NO_RECORDING = Path(__file__)
RATE = 8000
LIST = "/jobs?"
MINUTE_MS = 60_000


@pytest.fixture
def desk(opened: Opener, served: RunningServer) -> Iterator[Page]:
    """A page whose key has no jobs, before and after."""
    erase_all(served)
    yield opened(key=JOBS_KEY)
    erase_all(served)


@pytest.fixture
def twenty_minutes(tmp_path: Path) -> Path:
    path = tmp_path / "lang.wav"
    soundfile.write(path, np.zeros(20 * 60 * RATE, np.int16), RATE, subtype="PCM_16")
    return path


def erase_all(served: RunningServer) -> None:
    with served.client(headers=authorized(JOBS_KEY)) as client:
        for job in client.get("/jobs?limit=100").json()["jobs"]:
            client.delete(f"/jobs/{job['id']}")


def jobs(page: Page) -> Locator:
    return page.locator("#stored-list > li")


def hand_in(page: Page, *recordings: Path) -> None:
    page.get_by_label("Arbeid i bakgrunnen").select_option("all")
    page.set_input_files("#files", list(recordings))
    # The first job makes the database.
    jobs(page).nth(len(recordings) - 1).wait_for()
    expect(jobs(page)).to_have_count(len(recordings))


def until_completed(page: Page) -> None:
    """Waits for the only job with the page's clock standing still."""
    for _ in range(600):
        page.clock.run_for(5000)
        if jobs(page).get_attribute("data-state") == "completed":
            return
        page.wait_for_timeout(100)
    raise AssertionError("not completed")


def show(page: Page, *, visible: bool) -> None:
    """Reports to the page that its tab was hidden or shown."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        not visible,
    )


def test_job_is_found_read_and_erased_from_another_machine(desk: Page, opened: Opener) -> None:
    hand_in(desk, SPOKEN)
    expect(jobs(desk)).to_have_attribute("data-state", "completed")
    desk.close()

    other = opened(key=JOBS_KEY)
    expect(jobs(other)).to_contain_text(SPOKEN.name)
    other.get_by_role("button", name=f"Vis teksten til {SPOKEN.name}").click()
    expect(other.locator("#result-title")).to_be_focused()
    expect(other.locator("#transcript p")).to_have_text(WRITTEN)
    expect(other.locator("#player")).to_be_hidden()
    expect(other.locator("#edit")).to_be_hidden()
    expect(other.locator("#word-readout")).to_contain_text("Opptaket ligger ikke på denne siden")
    for form, part in (("srt", " --> "), ("text", WRITTEN)):
        with other.expect_download() as saved:
            other.locator(f"[data-format={form}]").click()
        assert part in saved.value.path().read_text("utf-8")

    dialog = other.get_by_role("alertdialog")
    erase = other.get_by_role("button", name=f"Slett {SPOKEN.name}")
    erase.press("Enter")
    expect(dialog).to_contain_text(SPOKEN.name)
    expect(dialog.get_by_role("button", name="Behold")).to_be_focused()
    other.keyboard.press("Escape")
    expect(erase).to_be_focused()
    expect(jobs(other)).to_have_count(1)
    erase.press("Enter")
    dialog.get_by_role("button", name="Slett").click()
    expect(other.locator("#stored")).to_be_hidden()
    expect(other.locator("#result")).to_be_hidden()
    expect(other.locator("#files")).to_be_focused()
    other.reload()
    expect(other.locator("#version")).not_to_be_empty()
    expect(jobs(other)).to_have_count(0)


def test_job_that_was_handed_in_here_is_played_and_corrected(desk: Page) -> None:
    hand_in(desk, SPOKEN)
    desk.get_by_role("button", name=f"Vis teksten til {SPOKEN.name}").click()
    expect(desk.locator("#player")).to_be_visible()
    desk.locator("#edit").click()
    desk.fill("#edit-text", TEXT)
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#text-note")).to_contain_text("alle ordene ble funnet")


def test_alignment_of_another_program_is_read(desk: Page, served: RunningServer) -> None:
    with served.client(headers=authorized(JOBS_KEY)) as client:
        query = {"text": TEXT, "language": "nb"}
        job = client.post("/jobs", params=query, content=SPOKEN.read_bytes()).json()
        client.get(f"/jobs/{job['id']}", params={"wait": 60})
    show(desk, visible=True)
    expect(jobs(desk)).to_contain_text("Opptak uten navn")
    desk.get_by_role("button", name="Vis teksten til").click()
    expect(desk.locator("#transcript p")).to_have_text(TEXT)
    with desk.expect_download() as saved:
        desk.locator("[data-format=srt]").click()
    assert " --> " in saved.value.path().read_text("utf-8")


def test_opened_text_stays_when_the_service_erases_its_job(
    desk: Page, served: RunningServer
) -> None:
    hand_in(desk, SPOKEN)
    desk.get_by_role("button", name=f"Vis teksten til {SPOKEN.name}").click()
    expect(desk.locator("#transcript p")).to_have_text(WRITTEN)
    erase_all(served)
    show(desk, visible=True)
    expect(jobs(desk)).to_have_count(0)
    expect(desk.locator("#job-list")).to_contain_text(SPOKEN.name)
    expect(desk.locator("#transcript p")).to_have_text(WRITTEN)


def test_failed_job_shows_its_error(desk: Page) -> None:
    hand_in(desk, NO_RECORDING)
    job = jobs(desk)
    expect(job).to_have_attribute("data-state", "failed")
    expect(job).to_contain_text("Filen er ikke i noe lydformat serveren forstår.")
    expect(job.get_by_role("button", name="Vis teksten")).to_have_count(0)
    for scheme in ("light", "dark"):
        desk.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(desk) == []


def test_repeated_upload_makes_no_second_job(desk: Page) -> None:
    keys: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            keys.append(request.headers["idempotency-key"])

    desk.on("request", note)
    # The service makes the job, and the connection breaks before its answer is read.
    desk.evaluate(
        """() => {
            const {send} = XMLHttpRequest.prototype;
            XMLHttpRequest.prototype.send = function (body) {
                if (body instanceof FormData) {
                    XMLHttpRequest.prototype.send = send;
                    this.onload = this.onerror;
                }
                send.call(this, body);
            };
        }"""
    )
    desk.get_by_label("Arbeid i bakgrunnen").select_option("all")
    desk.set_input_files("#files", SPOKEN)
    desk.locator("#job-list").get_by_role("button", name="Prøv igjen").click()
    expect(jobs(desk)).to_have_count(1)
    expect(desk.locator("#jobs")).to_be_hidden()
    assert len(keys) == 2
    assert keys[0] == keys[1]
    desk.reload()
    expect(jobs(desk)).to_have_count(1)


def test_only_long_recordings_are_handed_in_by_themselves(
    desk: Page, twenty_minutes: Path, tmp_path: Path
) -> None:
    short = tmp_path / "kort.wav"
    soundfile.write(short, np.zeros(90 * RATE, np.int16), RATE, subtype="PCM_16")
    desk.set_input_files("#files", [twenty_minutes, short])
    expect(jobs(desk)).to_have_count(1)
    expect(jobs(desk)).to_contain_text("lang.wav")
    expect(desk.locator("#job-list li")).to_have_count(1)
    expect(desk.locator("#job-list")).to_contain_text("kort.wav")
    # Work that has not ended can be erased too.
    desk.get_by_role("button", name="Slett lang.wav").click()
    desk.get_by_role("alertdialog").get_by_role("button", name="Slett").click()
    expect(jobs(desk)).to_have_count(0)


def test_jobs_are_listed_once_there_is_a_key_and_until_it_is_forgotten(
    desk: Page, opened: Opener
) -> None:
    hand_in(desk, SPOKEN)
    other = opened(key=None)
    expect(other.get_by_role("dialog")).to_be_hidden()
    other.get_by_role("button", name="Vis jobber på serveren").click()
    other.get_by_role("dialog").get_by_label("Nøkkel", exact=True).fill(JOBS_KEY)
    other.keyboard.press("Enter")
    other.get_by_role("button", name=f"Vis teksten til {SPOKEN.name}").click()
    expect(other.locator("#transcript p")).to_have_text(WRITTEN)
    other.get_by_role("button", name="Glem nøkkelen").click()
    expect(jobs(other)).to_have_count(0)
    expect(other.locator("#job-list")).to_contain_text(SPOKEN.name)
    # Another key has jobs of its own.
    assert jobs(opened()).count() == 0


def test_more_jobs_are_shown_on_request(desk: Page, tmp_path: Path) -> None:
    for index in range(12):
        (tmp_path / f"{index}.txt").write_text(f"nummer {index}", "utf-8")
    hand_in(desk, *sorted(tmp_path.iterdir()))
    desk.reload()
    expect(jobs(desk)).to_have_count(10)
    more = desk.get_by_role("button", name="Vis flere")
    more.click()
    expect(jobs(desk)).to_have_count(12)
    expect(more).to_be_hidden()
    expect(jobs(desk).nth(10).get_by_role("button")).to_be_focused()


def test_list_is_requested_only_while_a_job_is_unfinished_and_the_tab_is_visible(
    desk: Page, twenty_minutes: Path
) -> None:
    requests: list[Request] = []
    desk.on("request", lambda request: requests.append(request) if LIST in request.url else None)
    desk.clock.install()
    hand_in(desk, twenty_minutes)
    with desk.expect_request(f"**{LIST}*"):
        desk.clock.run_for(MINUTE_MS)

    show(desk, visible=False)
    requests.clear()
    desk.clock.run_for(MINUTE_MS)
    assert requests == []
    with desk.expect_response(f"**{LIST}*"):
        show(desk, visible=True)

    desk.get_by_role("button", name=f"Slett {twenty_minutes.name}").click()
    desk.get_by_role("alertdialog").get_by_role("button", name="Slett").click()
    expect(jobs(desk)).to_have_count(0)
    hand_in(desk, SPOKEN)
    until_completed(desk)
    requests.clear()
    desk.clock.run_for(MINUTE_MS)
    assert requests == []


def test_list_and_dialog_pass_axe_and_fit_a_phone(desk: Page) -> None:
    desk.emulate_media(reduced_motion="reduce")
    hand_in(desk, SPOKEN, NO_RECORDING)
    expect(desk.locator("#stored-list [data-state=failed]")).to_have_count(1)
    expect(desk.locator("#stored-list [data-state=completed]")).to_have_count(1)
    desk.set_viewport_size({"width": 320, "height": 640})
    desk.get_by_role("button", name=f"Slett {SPOKEN.name}").click()
    desk.get_by_role("alertdialog").wait_for()
    for scheme in ("light", "dark"):
        desk.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(desk) == []
    desk.keyboard.press("Escape")
    assert violations(desk) == []
    assert desk.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found.response["violations"]]
