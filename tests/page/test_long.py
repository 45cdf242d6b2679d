"""Long recordings: the waveform of an hour is drawn, or the page shows why it is not."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import Opener, ready, samples
from playwright.sync_api import Page, expect

HOUR = 3600


@pytest.fixture
def hour(tmp_path: Path) -> Path:
    """An hour: loud in its first half, silent in its second."""
    rate = 8000
    loud = (np.sin(np.arange(HOUR // 2 * rate) * 0.5) * 20_000).astype(np.int16)
    path = tmp_path / "time.wav"
    soundfile.write(path, np.concatenate([loud, np.zeros_like(loud)]), rate, subtype="PCM_16")
    return path


def peaks(page: Page, path: Path, duration: float) -> dict[str, object]:
    """The peaks that the page computes from a file."""
    page.set_input_files("#files", path)
    return page.evaluate(  # type: ignore[no-any-return]
        """async duration => {
            const {peaksOf} = await import('/web/js/peaks.js');
            const file = window.given;
            const {peaks, reason} = await peaksOf(file, duration, new AbortController().signal);
            return {peaks: peaks && [...peaks], reason};
        }""",
        duration,
    )


def test_waveform_of_long_wav_is_drawn_in_chunks(opened: Opener, hour: Path) -> None:
    page = opened()
    capture_chosen_file(page)
    found = peaks(page, hour, HOUR)["peaks"]
    assert isinstance(found, list)
    half = len(found) // 2
    assert min(found[: half - 1]) > 0.9
    assert max(found[half + 1 :]) == 0


def test_long_compressed_recording_has_no_waveform(opened: Opener, hour: Path) -> None:
    page = opened()
    capture_chosen_file(page)
    packed = hour.with_suffix(".flac")
    soundfile.write(packed, np.zeros(8000, dtype=np.int16), 8000)
    assert peaks(page, packed, HOUR) == {"peaks": None, "reason": "long"}
    assert peaks(page, packed, 1.0)["peaks"] is not None


def test_progress_is_shown(opened: Opener, tmp_path: Path) -> None:
    speech, rate = soundfile.read(samples("demo-nb")[0][0], dtype="int16")
    minutes = tmp_path / "minutter.wav"
    soundfile.write(minutes, np.tile(speech, 40), rate, subtype="PCM_16")
    page = opened()
    page.set_input_files("#files", minutes)
    state = page.locator(".job-state")
    expect(state).to_have_text(re.compile(r"Transkriberer: \d+\s%"))
    assert 0 < float(page.locator("progress").get_attribute("value") or 0) <= 1
    page.get_by_role("button", name="Avbryt").click()
    expect(state).to_have_text("Avbrutt")


def capture_chosen_file(page: Page) -> None:
    page.route("**/transcribe", lambda _: None)
    page.route("**/jobs", lambda _: None)
    page.evaluate(
        "document.querySelector('#files').addEventListener("
        "'change', event => window.given = event.target.files[0], {capture: true})"
    )
    ready(page)
