"""The examples of docs/formats.md equal the rendered output."""

import re
from pathlib import Path

import pytest
from timed_words import transcript_of, words_of

from app.contract.layout import Layout
from app.formats import FORMATS, describe, render

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
TRANSCRIPT = transcript_of(
    words_of(
        "jeg kommer halv åtte og tar bussen fra byen fordi toget fra oslo er forsinket vi ses",
        pause_before={"og": 0.35, "fordi": 0.35, "vi": 0.9},
    ),
    9.0,
    formatting=True,
)


def examples(name: str) -> list[str]:
    """The fenced blocks of a format's section."""
    section = PAGE.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("name", [name for name in FORMATS[1:] if not describe(name).binary])
def test_documented_examples_equal_the_rendered_files(name: str) -> None:
    shown = examples(name)
    assert shown
    written = [
        re.sub(
            r" +$",
            "",
            render(
                TRANSCRIPT,
                name,
                recording="møte.wav",
                word_cues=on_request,
                layout=Layout(times=True) if on_request else None,
            ).text,
            flags=re.M,
        )
        for on_request in (False, True)
    ]
    for example, body in zip(shown, written, strict=False):
        assert dedented(example.partition("…")[0].strip()) in dedented(body)


def dedented(text: str) -> str:
    return re.sub(r"^\s+", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", FORMATS)
def test_table_lists_media_types_and_endings(name: str) -> None:
    info = describe(name)
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{name}` |"))
    assert f"| `.{info.extension}` | `{info.media_type.partition(';')[0]}` |" in row
