"""docs/complaints.md names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "complaints.md").read_text()
ROWS = re.findall(r"^\| \d+ \|.*$", PAGE, re.MULTILINE)
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def test_complaints_are_numbered_without_a_gap_each_with_a_test() -> None:
    assert len(ROWS) >= 20
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert all("::test_" in row for row in ROWS)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_quoted_test_exists_and_is_not_skipped(file: str, name: str) -> None:
    text = (ROOT / file).read_text()
    found = re.search(rf"((?:^@.*\n)*)^(?:async )?def {name}\(", text, re.MULTILINE)
    assert found, f"{file} has no {name}"
    assert "skip" not in found[1]
    assert "xfail" not in found[1]
