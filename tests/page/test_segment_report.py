"""The report of `nordlyd-train segment`, opened from its folder in a browser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import until
from playwright.sync_api import Browser, Page

from trainer.segmentation.folder import left_out_counts, open_folder
from trainer.segmentation.pairs import Pair
from trainer.segmentation.reading import Doubt
from trainer.segmentation.report import page as report
from trainer.segmentation.segment import NOT_SAID, NOT_WRITTEN, LeftOut, Piece, Segments
from trainer.segmentation.written import Written

SURE = Piece(0.5, 2.0, "møtet er satt", 0.98, Doubt(0.1, 0))
DOUBTED = Piece(3.0, 4.0, "vi tar <en> pause", 0.61, Doubt(0.9, 2))
UNWRITTEN = LeftOut(NOT_WRITTEN, 2.2, 2.8, "", "jaha")
UNSAID = LeftOut(NOT_SAID, 4.0, 4.0, "møtet ble hevet", "")


@pytest.fixture
def opened_report(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    folder = tmp_path / "data"
    segments = Segments((SURE, DOUBTED), (UNWRITTEN, UNSAID), 5.0)
    pair = Pair("møte #1", tmp_path / "møte #1.flac", tmp_path / "møte #1.txt")
    wave = np.random.default_rng(0).normal(scale=0.1, size=5 * 16000).astype(np.float32)
    with open_folder(folder, "nb") as made:
        made.add(pair, wave, Written((), ()), segments)
        counts = {
            "model": "demo-nb", "language": "nb", "recordings": 1, "hours": 5 / 3600, "pieces": 2,
            "piece_hours": 2.5 / 3600, "left_out": left_out_counts(made.cuts),
        }  # fmt: skip
        (made.path / "report.html").write_text(report(counts, made.cuts), "utf-8")
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((folder / "report.html").as_uri())
    yield page
    context.close()
    assert errors == []


def test_least_sure_piece_comes_first_and_is_played(opened_report: Page) -> None:
    rows = opened_report.locator("section:has(#least-sure) tbody tr")
    assert [row.split("\t")[:3] for row in rows.all_inner_texts()] == [
        ["møte #1, 0:00:03", DOUBTED.text, "0.61"],
        ["møte #1, 0:00:00", SURE.text, "0.98"],
    ]
    assert rows.first.locator("mark").inner_text() == "<en>"
    player = rows.first.locator("audio")
    player.scroll_into_view_if_needed()
    height = (player.bounding_box() or {"height": 0.0})["height"]
    player.click(position={"x": height / 2, "y": height / 2})
    until(opened_report, "document.querySelector('audio').currentTime > 0.05")
    assert opened_report.evaluate("document.querySelector('audio').duration") == 1.0


def test_what_was_left_out_is_listed_with_its_reason_and_time(opened_report: Page) -> None:
    table = opened_report.locator("section:has(#left-out) tbody tr").all_inner_texts()
    assert [row.split("\t") for row in table] == [
        [NOT_WRITTEN, "1", "0.6", "0"],
        [NOT_SAID, "1", "0.0", "3"],
    ]
    rows = opened_report.locator("section:has(#r1) tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["0:00:00", "0:00:02", "0:00:03", "0:00:04"]
    assert ("jaha" in rows[1], NOT_WRITTEN in rows[1]) == (True, True)
    assert (UNSAID.text in rows[3], NOT_SAID in rows[3]) == (True, True)
