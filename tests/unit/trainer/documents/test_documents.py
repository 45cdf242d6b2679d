"""The text of documents and transcripts, in every format that the trainer reads."""

import io
import json
import zipfile
from pathlib import Path

import docx
import pytest

from trainer.documents import Passage, read_document, read_passages
from trainer.errors import DataError


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def pdf_of(lines: list[str]) -> bytes:
    """A PDF with lines of text on one page; without lines it is like a scan."""
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET".encode("cp1252")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    file = io.BytesIO()
    file.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    file.writelines(b"%010d 00000 n \n" % place for place in places)
    file.write(b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1))
    file.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return file.getvalue()


def test_lines_cut_at_a_margin_are_joined_with_their_words(tmp_path: Path) -> None:
    text = (
        "Vedtak i saken\n\n"
        "Kommunestyret vedtar i møtet sitt den regulerings-\n"
        "planen for Nordre bydel som la til grunn at for- og\n"
        "etterarbeidet i denne saken ble gjort av fru Kari\n"
        "Sundhaug i fjor. Saken er avsluttet.\n"
    )
    assert read_document(written(tmp_path, "a.txt", text)) == [
        "Vedtak i saken",
        "Kommunestyret vedtar i møtet sitt den reguleringsplanen for Nordre bydel som la til grunn "
        "at for- og etterarbeidet i denne saken ble gjort av fru Kari Sundhaug i fjor. Saken er "
        "avsluttet.",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Blåbærsyltetøy er godt."
    assert read_document(written(tmp_path, "a.txt", text.encode(encoding))) == [text]


def test_number_is_joined_to_the_abbreviation_before_it(tmp_path: Path) -> None:
    text = "Møtet begynner kl.\n12.30 hos\nKari.\n\n  \nNeste  sak\n"
    assert read_document(written(tmp_path, "a.txt", text)) == [
        "Møtet begynner kl. 12.30 hos", "Kari.", "Neste sak",
    ]  # fmt: skip


def test_markdown_is_read_without_its_marks(tmp_path: Path) -> None:
    text = (
        "---\ntitle: x\n---\n# Møte **nå**\n\n- Se [saken](https://example.org/a_b) om *vann*\n"
        "- Ordfører `Berg` møtte\n\n```\nkode = 1\n```\n"
        "| Navn | Rolle |\n|---|---|\n| Kari | Leder |\n"
    )
    assert read_document(written(tmp_path, "a.md", text)) == [
        "Møte nå", "Se saken om vann", "Ordfører Berg møtte", "Navn", "Rolle", "Kari", "Leder",
    ]  # fmt: skip


def test_word_document_is_read_with_its_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Referat")
    paragraph = document.add_paragraph("Møtet ble ")
    paragraph.add_run("ledet").bold = True
    paragraph.add_run(" av Kari.")
    document.add_table(1, 1).cell(0, 0).text = "I tabellen."
    document.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx") == [
        "Referat",
        "Møtet ble ledet av Kari.",
        "I tabellen.",
    ]


def test_pdf_is_read_and_one_without_text_is_refused(tmp_path: Path) -> None:
    lines = ["Kommunen vedtok planen for", "blåbærskogen i fjor."]
    assert read_document(written(tmp_path, "a.pdf", pdf_of(lines))) == [
        "Kommunen vedtok planen for blåbærskogen i fjor."
    ]
    with pytest.raises(DataError, match="1 pages and no text on them, as scanned paper"):
        read_document(written(tmp_path, "scan.pdf", pdf_of([])))
    with pytest.raises(DataError, match="is no PDF that can be read"):
        read_document(written(tmp_path, "broken.pdf", b"%PDF-1.4\nnothing"))


SRT = (
    "1\n00:00:01,000 --> 00:00:02,000\n- <i>Kommunen vedtok</i>\n\n"
    "2\n00:00:02,000 --> 00:00:03,500\nplanen i fjor.\nKari var der.\n"
)
VTT = (
    "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nNOTE ikke dette\n\n"
    "00:01.000 --> 00:02.000 align:left\n<v Kari>Kommunen <00:01.500>vedtok</v>\n\n"
    "cue 2\n00:02.000 --> 00:03.500\nplanen i fjor.\nKari var der.\n"
)


@pytest.mark.parametrize(("name", "content"), [("a.SRT", SRT), ("a.vtt", VTT)])
def test_subtitles_are_read_across_cues(tmp_path: Path, name: str, content: str) -> None:
    expected = ["Kommunen vedtok planen i fjor.", "Kari var der."]
    assert read_document(written(tmp_path, name, content)) == expected


def test_replies_in_a_cue_are_paragraphs_and_lines_of_a_sentence_are_not(tmp_path: Path) -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:03,000\n{\\an8}Vi ses hos\nKari &amp; Ola kl.\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\n12.30\n\n"
        "3\n00:00:04,000 --> 00:00:06,000\n- kommer du i morgen\n– ja\n\n"
        "4\n00:00:06,000 --> 00:00:07,000\n-5 er ikke < -7 eller > 3\n"
    )
    assert read_document(written(tmp_path, "a.srt", text)) == [
        "Vi ses hos Kari & Ola kl. 12.30", "kommer du i morgen", "ja", "-5 er ikke < -7 eller > 3",
    ]  # fmt: skip


def test_parts_of_a_transcript_have_their_times_and_speakers(tmp_path: Path) -> None:
    text = (
        "WEBVTT\r\n\r\n00:01.5 --> 00:02.000 align:start\r\n<v.loud Kari>Hei</v>\r\n- på deg\r\n"
        "\r\n1:00:00 --> 1:00:01.2504\r\nHa det\r\n"
    )
    assert read_passages(written(tmp_path, "a.vtt", text)) == [
        Passage("Hei på deg", 1.5, 2.0, "Kari"),
        Passage("Ha det", 3600.0, 3601.25),
    ]
    item = {"text": " Hei\n på deg ", "start": "1.5", "end": 2, "speaker": "S1"}
    spoken = {"segments": [item, {"text": " "}, {"text": "Ha det", "speaker": None}]}
    assert read_passages(written(tmp_path, "a.json", json.dumps(spoken))) == [
        Passage("Hei på deg", 1.5, 2.0, "S1"),
        Passage("Ha det"),
    ]
    with pytest.raises(DataError, match="times that are no numbers"):
        read_passages(written(tmp_path, "b.json", '[{"text": "Hei", "start": "now"}]'))
    with pytest.raises(DataError, match="there are no subtitles; accepted: SubRip"):
        read_passages(written(tmp_path, "b.srt", "bare tekst"))


def test_json_of_the_service_is_read_by_segments_or_as_a_whole(tmp_path: Path) -> None:
    whole = {"text": "ja da nei", "segments": [{"text": "ja da", "start": 0}, {"text": "nei"}]}
    assert read_document(written(tmp_path, "a.json", json.dumps(whole))) == ["ja da", "nei"]
    assert read_document(written(tmp_path, "b.json", '{"text": "ja da"}')) == ["ja da"]
    with pytest.raises(DataError, match="holds no text; accepted is JSON as the service"):
        read_document(written(tmp_path, "c.json", '{"status": "queued"}'))
    with pytest.raises(DataError, match="is no JSON"):
        read_document(written(tmp_path, "d.json", "{"))


def test_files_that_are_no_documents_are_refused(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mimetype", "x")
    refused = {
        "a.odt": (b"", r"\.odt is not read; accepted: \.txt, \.md"),
        "b.docx": (b"\xd0\xcf\x11\xe0rest", r"Word before 2007: save it as \.docx"),
        "c.docx": (archive.getvalue(), "no document of Word"),
        "d.txt": (b"a\0b", "is no text: it holds zero bytes"),
        "e.txt": (pdf_of(["x"]), "is no text: it is a PDF"),
    }
    for name, (content, message) in refused.items():
        with pytest.raises(DataError, match=message):
            read_document(written(tmp_path, name, content))
        with pytest.raises(DataError, match=r"cannot be read|is not read"):
            read_document(tmp_path / f"none-{name}")
