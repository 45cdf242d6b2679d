"""A conversation of two people on channels of their own, and its text on the page."""

from pathlib import Path

import numpy as np
import soundfile
from browsing import samples, transcribe
from playwright.sync_api import Page

(_FIRST, FIRST_TEXT), (_SECOND, SECOND_TEXT) = samples("demo-nb")[:2]
FIRST = f"{FIRST_TEXT.capitalize()}."
SECOND = f"{SECOND_TEXT.capitalize()}."


def write_conversation(path: Path) -> Path:
    """Writes the first sample on the left, and, a second after it, the second on the right."""
    (first, rate), (second, _) = (soundfile.read(file) for file in (_FIRST, _SECOND))
    begin = len(first) + rate
    stereo = np.zeros((begin + len(second), 2))
    stereo[: len(first), 0] = first
    stereo[begin:, 1] = second
    soundfile.write(path, stereo, rate, subtype="PCM_16")
    return path


def open_conversation(page: Page, folder: Path) -> None:
    """Transcribes the conversation with a speaker a channel."""
    page.locator("#more summary").click()
    page.get_by_label("Hver kanal er én taler").check()
    transcribe(page, write_conversation(folder / "samtale.wav"))
