"""The page in four languages: chosen by the browser, switched, remembered, and complete."""

import re
from pathlib import Path

import pytest
from browsing import Opener, samples, transcribe
from playwright.sync_api import expect

WEB = Path(__file__).resolve().parents[2] / "app" / "web"
NAMES = re.compile(r"\{(\w+)\}")
SPOKEN, _ = samples("demo-da")[0]


@pytest.mark.parametrize(
    ("locale", "language", "title", "button"),
    [
        ("nb-NO", "nb", "Tale til tekst som blir i huset", "Velg filer"),
        ("no", "nb", "Tale til tekst som blir i huset", "Velg filer"),
        ("nn-NO", "nn", "Tale til tekst som blir i huset", "Vel filer"),
        ("da-DK", "da", "Tale til tekst, der bliver i huset", "Vælg filer"),
        ("en-GB", "en", "Speech to text that stays in-house", "Choose files"),
        ("fi-FI", "en", "Speech to text that stays in-house", "Choose files"),
    ],
)
def test_page_uses_the_browser_language(
    opened: Opener, locale: str, language: str, title: str, button: str
) -> None:
    page = opened(locale=locale)
    assert page.locator("html").get_attribute("lang") == language
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_text(button, exact=True)).to_be_visible()


def test_switching_language_translates_the_page_and_is_stored(opened: Opener) -> None:
    page = opened(locale="en-GB")
    page.select_option("#language", "da")
    transcribe(page, SPOKEN)
    expect(page.locator("#result-facts")).to_contain_text("Danish")
    page.get_by_label("Language of this page").select_option("nn")
    expect(page.locator("html")).to_have_attribute("lang", "nn")
    expect(page.locator("#result-facts")).to_contain_text("Dansk")
    expect(page.locator(".job-state")).to_have_text("Klar")
    expect(page.get_by_role("button", name="Rett teksten")).to_be_visible()
    # The transcript keeps its own language.
    assert page.locator("#transcript p").get_attribute("lang") == "da"
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "nn")


def test_every_language_has_every_message(opened: Opener) -> None:
    page = opened(locale="en-GB")
    catalogues = page.evaluate(
        """async () => Object.fromEntries(await Promise.all(['en', 'nb', 'nn', 'da'].map(
            async code => [code, (await import(`/web/js/i18n/${code}.js`)).default])))"""
    )
    for code, messages in catalogues.items():
        assert messages.keys() == catalogues["en"].keys(), code
        for key, message in messages.items():
            english = catalogues["en"][key]
            if isinstance(english, dict):
                assert message.keys() == english.keys() == {"one", "other"}
            assert set(NAMES.findall(str(message))) == set(NAMES.findall(str(english))), (code, key)
    source = "".join(
        path.read_text("utf-8") for path in WEB.rglob("*.js") if "i18n/" not in str(path)
    )
    source += (WEB / "index.html").read_text("utf-8")
    used = set(
        re.findall(r"""data-i18n="([^"]+)"|(?:\bt|say|label)\([^)]*?"([a-z]+\.[\w.]+)\"""", source)
    )
    for key in {name for pair in used for name in pair if name}:
        assert key in catalogues["en"], key
