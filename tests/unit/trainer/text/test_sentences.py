"""Paragraphs of packages become clean sentences, each in one split."""

import gzip
import io
import struct
import subprocess
from pathlib import Path

import pytest

from app.splits import SPLITS
from trainer.recipe_schema import TextRecipe
from trainer.text.packages import catalogue_paragraphs, download, manual_paragraphs, page_paragraphs
from trainer.text.packages import paragraphs as package_paragraphs
from trainer.text.sentences import clean, collect, cut, split_of

NUMBERS = ("en", "to", "tre", "fire", "fem", "seks", "sju", "åtte", "ni", "ti", "elleve", "tolv")
MANY = [f"det er {a} {b} og {c} her" for a in NUMBERS for b in NUMBERS for c in NUMBERS]


def test_split_of_a_sentence_depends_on_the_sentence_only(text: TextRecipe) -> None:
    alone = collect(MANY[:400], text).splits
    among = collect(reversed(MANY + MANY), text).splits
    for split in SPLITS:
        assert set(alone[split]) <= set(among[split])
    every = [sentence for kept in among.values() for sentence in kept]
    assert len(every) == len(set(every)) == len(MANY)


def test_splits_have_the_shares_of_the_recipe(text: TextRecipe) -> None:
    splits = [split_of(sentence, text) for sentence in MANY]
    assert splits.count("test") / len(MANY) == pytest.approx(text.test_share, abs=0.02)
    assert splits.count("valid") / len(MANY) == pytest.approx(text.valid_share, abs=0.02)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("Velg 3 filer i mappen", "digits or symbols"),
        ("Filen %s er ikke lagret", "digits or symbols"),
        ("Åpne KDE-programmet i mappen", "names and abbreviations in capitals"),
        ("Se kde.org for det", "names and abbreviations in capitals"),
        ("Lagre fil", "too short or too long"),
        ("The file is på disken", "another language"),
        ("Store blå hus", "another language"),
        ("Det er hjlp og støtte", "a word that is no word"),
        ("Det er σ og støtte", "foreign letters"),
    ],
)
def test_non_sentences_are_dropped_and_counted_by_reason(
    text: TextRecipe, raw: str, reason: str
) -> None:
    assert clean(raw, text)[1] == reason
    assert collect([raw], text).dropped == {reason: 1}


def test_paragraph_is_split_into_sentences_without_parentheses() -> None:
    found = list(cut("Velg en fil (eller flere). Trykk på «Åpne»!\nDet er alt"))
    assert found == ["Velg en fil.", "Trykk på «Åpne»!", "Det er alt"]


def test_html_page_gives_its_blocks_with_code_marked() -> None:
    page = "<h1>Om fila</h1><p>Vel <b>ei</b> fil &amp; trykk</p><p>Skriv <code>ls</code> no</p>"
    assert list(page_paragraphs(page)) == ["Om fila", "Vel ei fil & trykk", "Skriv \0 no"]


def test_manual_page_gives_its_paragraphs() -> None:
    page = ".TH LS 1\nViser \\fBfilene\\fP\ni mappen.\n.SH VALG\nTo\\-delt.\n"
    found = [text for text in manual_paragraphs(page) if text]
    assert found == ["Viser filene i mappen.", "To-delt."]


def test_gettext_catalogue_gives_translations_without_access_keys() -> None:
    content = catalogue({"&Open file": "&Åpne filen nå", "Konsole": "Konsole"})
    assert list(catalogue_paragraphs(content)) == ["Åpne filen nå"]
    assert list(catalogue_paragraphs(b"no catalogue at all")) == []


def test_archive_gives_the_text_of_the_requested_language_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for locale, word in (("nb", "filen"), ("da", "filerne")):
        pages = root / "usr/share/man" / locale / "man1"
        pages.mkdir(parents=True)
        (pages / "ls.1.gz").write_bytes(gzip.compress(f"Dette er {word}.\n".encode()))
    control = root / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(
        "Package: little\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.no>\nDescription: x\n"
    )
    archive = tmp_path / "little_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", root, archive], check=True, capture_output=True)
    assert [text for text in package_paragraphs(archive, ("nb",)) if text] == ["Dette er filen."]
    assert download("little", tmp_path) == archive


def catalogue(messages: dict[str, str]) -> bytes:
    """A .mo file: magic, tables of lengths and offsets, then the strings."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n"} | messages, key=len)
    texts = {"": "Content-Type: text/plain; charset=UTF-8\n"} | messages
    header, strings = 28, io.BytesIO()
    tables: list[tuple[int, int]] = []
    start = header + 16 * len(pairs)
    for text in (*pairs, *(texts[source] for source in pairs)):
        raw = text.encode()
        tables.append((len(raw), start + strings.tell()))
        strings.write(raw + b"\0")
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), header, header + 8 * len(pairs), 0, start)
    return head + b"".join(struct.pack("<2I", *row) for row in tables) + strings.getvalue()
