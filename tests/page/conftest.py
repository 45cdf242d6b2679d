"""One server with both demo models and a key, one Chromium, and a page that is checked."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import JOBS_KEY, KEY, Opener, samples
from playwright.sync_api import Browser, Page, sync_playwright
from running import RunningServer
from speaker_weights import write_weights
from troubles import troubles

_FOLDER = Path(__file__).parent
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser, and comes last.

    While Playwright runs, so does an event loop, and tests elsewhere start their own.
    """
    ours = [item for item in items if _FOLDER in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.page)
    items.sort(key=set(ours).__contains__)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    keys = f"{KEY},{JOBS_KEY}"
    store = tmp_path_factory.mktemp("store")
    write_weights(store / "speakers")
    settings = {
        "MODELS": "demo-nb,demo-da",
        "DTYPE": "float32",
        "API_KEYS": keys,
        "STORE": str(store),
        "KEEP_AUDIO": "1h",
        "KEEP_CORRECTIONS": "1h",
        "KNOWN_SPEAKERS": "true",
    }
    running = RunningServer(tmp_path_factory.mktemp("page"), settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The microphone's input: a sentence with silence around it, as a page may begin late."""
    path, _ = samples("demo-nb")[1]
    speech, rate = soundfile.read(path, dtype="float32")
    recording = tmp_path_factory.mktemp("spoken") / "sentence.wav"
    soundfile.write(recording, np.pad(speech, (rate, 30 * rate)), rate, subtype="PCM_16")
    return recording


@pytest.fixture(scope="session")
def browser(spoken: Path) -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("These tests drive Debian's Chromium, which is missing: apt install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=[*_FLAGS, f"--use-file-for-fake-audio-capture={spoken}%noloop"],
        )
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser, served: RunningServer) -> Iterator[Opener]:
    """Opens pages: `opened(locale=…, key=…, color_scheme=…)`."""
    opener = Opener(browser, served.address)
    yield opener
    opener.close()


@pytest.fixture
def page(opened: Opener) -> Page:
    """The page in Bokmål, with the key known."""
    return opened()
