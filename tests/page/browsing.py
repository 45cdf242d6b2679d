"""Opens the page in Chromium and checks what it must not do; common actions of the tests."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request

MODELS = Path(__file__).resolve().parents[2] / "models"
KEY = "nøkkel-1"
JOBS_KEY = "nøkkel-2"
"""Whose jobs come and go; pages of the other key have none."""
WAIT_MS = 60_000
# Chromium itself logs refusals of the service, which are no errors of the page.
_REFUSED = "Failed to load resource: the server responded with a status of"


def authorized(key: str) -> dict[str, bytes]:
    """The headers of a key; header values are bytes, so the key goes as UTF-8."""
    return {"authorization": f"Bearer {key}".encode()}


def samples(model: str) -> list[tuple[Path, str]]:
    """A demo model's recordings and their reference texts."""
    folder = MODELS / model / "samples"
    lines = (folder / "samples.jsonl").read_text("utf-8").splitlines()
    return [(folder / line["audio"], line["text"]) for line in map(json.loads, lines)]


@dataclass
class Watched:
    """A page that must not log errors, or send requests to other hosts."""

    page: Page
    origin: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("request", self._request)

    def _console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith(_REFUSED):
            self.errors.append(text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", f"blob:{self.origin}/")):
            self.strangers.append(request.url)

    def open(self) -> Page:
        """Opens the page and waits until it has loaded the models of the service."""
        self.page.goto(self.origin)
        return ready(self.page)

    def check(self) -> None:
        unexpected = [
            error for error in self.errors if not any(part in error for part in self.expected)
        ]
        assert unexpected == []
        for part in self.expected:
            assert any(part in error for error in self.errors), f"not reported: {part}"
        assert self.strangers == []


class Opener:
    """Opens watched pages in contexts of their own, and checks them at the end."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._browser = browser
        self._origin = origin
        self._contexts: list[BrowserContext] = []
        self._watched: list[Watched] = []

    def __call__(self, *, locale: str = "nb-NO", key: str | None = KEY, **options: object) -> Page:
        context = self._browser.new_context(
            locale=locale, permissions=["microphone", "clipboard-read", "clipboard-write"],
            **options,  # type: ignore[arg-type]
        )  # fmt: skip
        if key is not None:
            remember = f"sessionStorage.setItem('nordlyd.key', {json.dumps(key)})"
            context.add_init_script(f"if (location.protocol === 'http:') {remember}")
        self._contexts.append(context)
        watched = Watched(context.new_page(), self._origin)
        self._watched.append(watched)
        return watched.open()

    def expect_error(self, page: Page, part: str) -> None:
        """Requires an error with these words in a page's console, and allows it."""
        next(seen for seen in self._watched if seen.page == page).expected.append(part)

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        for watched in self._watched:
            watched.check()


def ready(page: Page) -> Page:
    """Waits until the page has loaded the models of the service."""
    page.locator("#language option").first.wait_for(state="attached")
    return page


def until(page: Page, expression: str) -> None:
    """Waits for a JavaScript expression to be true; the page's policy forbids it to evaluate."""
    for _ in range(WAIT_MS // 20):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


def transcribe(page: Page, *recordings: Path) -> Locator:
    """Chooses recordings; returns the text of the first once it is shown."""
    page.set_input_files("#files", list(recordings))
    page.wait_for_selector("#result:not([hidden])")
    return page.locator("#transcript")


def downloaded_file(page: Page, ending: str) -> tuple[str, bytes]:
    """The name and content of a download."""
    with page.expect_download() as waiting:
        page.locator(f"#download-list button:has(.ending:text-is('.{ending}'))").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def downloaded(page: Page, ending: str) -> tuple[str, str]:
    """The name and text of a download."""
    name, body = downloaded_file(page, ending)
    return name, body.decode()


def paragraphs(page: Page) -> list[str]:
    """The paragraphs that are shown."""
    return page.locator("#transcript p").all_text_contents()


def word(page: Page, text: str) -> Locator:
    """The first word that is written so."""
    return page.locator(".w").filter(has_text=re.compile(f"^{re.escape(text)}$")).first


def words(page: Page) -> list[str]:
    """The words that are shown."""
    return page.locator("#transcript .w").all_text_contents()
