"""docs/complaints.md and docs/reliability.md name tests that exist and that run."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEAST_ROWS = {"complaints.md": 20, "reliability.md": 40}
"""How many numbered rows each page has at least."""

QUOTED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def page_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@cache
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


NAMED = sorted({quote for name in LEAST_ROWS for quote in QUOTED.findall(page_of(name))})


@pytest.mark.parametrize("name", LEAST_ROWS)
def test_rows_are_numbered_without_a_gap_each_with_a_test(name: str) -> None:
    rows = re.findall(r"^\| \d+ \|.*$", page_of(name), re.MULTILINE)
    assert len(rows) >= LEAST_ROWS[name]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        *_, tests, _ = row.split("|")
        assert QUOTED.search(tests), row


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_quoted_test_exists_and_is_not_skipped(file: str, name: str) -> None:
    found = [
        statement
        for statement in parsed(file).body
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name
    ]
    assert len(found) == 1, f"{file} has no {name}"
    marks = [*map(ast.unparse, found[0].decorator_list)]
    marks += [
        ast.unparse(statement)
        for statement in parsed(file).body
        if isinstance(statement, ast.Assign) and "pytestmark" in ast.unparse(statement.targets)
    ]
    assert not re.search("skip|xfail", " ".join(marks))
