"""The text of documents, in every format that `nordlyd adapt` reads."""

import io
import json
import zipfile
from pathlib import Path

import docx
import pytest

from trainer.adaptation.documents import read_document
from trainer.adaptation.sentences import find_documents, read_names, read_sentences
from trainer.errors import LanguageModelError


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


def test_small_letters_without_capitals_are_a_sentence_a_line(tmp_path: Path) -> None:
    file = written(tmp_path, "corpus.txt", "det er en god dag\nvi ses igjen i morgen\n")
    assert read_sentences([file], "nb").lines == ("det er en god dag", "vi ses igjen i morgen")


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
    with pytest.raises(LanguageModelError, match="1 pages and no text on them, as scanned paper"):
        read_document(written(tmp_path, "scan.pdf", pdf_of([])))
    with pytest.raises(LanguageModelError, match="is no PDF that can be read"):
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


@pytest.mark.parametrize(("name", "content"), [("a.srt", SRT), ("a.vtt", VTT)])
def test_subtitles_are_read_across_cues(tmp_path: Path, name: str, content: str) -> None:
    expected = ["Kommunen vedtok planen i fjor.", "Kari var der."]
    assert read_document(written(tmp_path, name, content)) == expected


def test_json_of_the_service_is_read_by_segments_or_as_a_whole(tmp_path: Path) -> None:
    whole = {"text": "ja da nei", "segments": [{"text": "ja da", "start": 0}, {"text": "nei"}]}
    assert read_document(written(tmp_path, "a.json", json.dumps(whole))) == ["ja da", "nei"]
    assert read_document(written(tmp_path, "b.json", '{"text": "ja da"}')) == ["ja da"]
    with pytest.raises(LanguageModelError, match="holds no text; accepted is JSON as the service"):
        read_document(written(tmp_path, "c.json", '{"status": "queued"}'))
    with pytest.raises(LanguageModelError, match="is no JSON"):
        read_document(written(tmp_path, "d.json", "{"))


def test_files_that_are_no_documents_are_refused(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mimetype", "x")
    refused = {
        "a.odt": (b"", r"\.odt is not read; accepted: \.txt, \.md"),
        "b.docx": (b"\xd0\xcf\x11\xe0rest", r"Word before 2007: save it as \.docx"),
        "c.docx": (archive.getvalue(), "no document of Word"),
        "d.txt": (b"a\0b", "is no text"),
        "e.txt": (pdf_of(["x"]), "is no text"),
    }
    for name, (content, message) in refused.items():
        with pytest.raises(LanguageModelError, match=message):
            read_document(written(tmp_path, name, content))
    with pytest.raises(LanguageModelError, match="there is no"):
        find_documents([tmp_path / "missing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LanguageModelError, match="holds no documents"):
        find_documents([tmp_path / "empty"])


def test_numbers_and_abbreviations_are_written_out_and_counted(tmp_path: Path) -> None:
    text = "Rådet brukte 25 % mer. Se § 3 i sak 2023/1745-X om vann. Rådet brukte 25 % mer.\n"
    written(tmp_path, "a.txt", text)
    read = read_sentences([tmp_path], "nb")
    assert read.lines == (
        "rådet brukte tjuefem prosent mer", "se paragraf tre i sak", "om vann",
    )  # fmt: skip
    assert read.rules["per cent"] == 2
    assert read.dropped == {"number of unknown form": 1, "repeated": 1}
    assert read.documents == {str(tmp_path / "a.txt"): 3}
    assert read.words == 12


def test_names_are_spelled_as_the_model_writes_them(tmp_path: Path) -> None:
    file = written(tmp_path, "names.txt", "# styret\nÅse-Marie Müller\n\nOslo  # by\nДом\nOslo\n")
    names = read_names(file, "nb")
    assert names.spelled == ("åse marie muller", "oslo")
    assert names.dropped == ("Дом",)
    with pytest.raises(LanguageModelError, match="holds no name"):
        read_names(written(tmp_path, "none.txt", "# nothing\n"), "nb")
