"""The names that answers are saved under: safe, and those of the recordings where that can be."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.outputs import content_disposition, json_output


def saved_as(recording: str) -> str:
    """What a client that reads RFC 5987 saves the answer under."""
    disposition = json_output("{}", recording).disposition
    extended = disposition.partition("filename*=UTF-8''")[2]
    return unquote(extended) if extended else disposition.split('"')[1]


@pytest.mark.parametrize(
    ("recording", "name"),
    [
        ("speech.wav", "speech.json"),
        ("møte på Ås.m4a", "møte på Ås.json"),
        ("2026-11-22 kl. 10.mp3", "2026-11-22 kl. 10.json"),
        ("no ending", "no ending.json"),
        ("Dr. Strangelove og resten", "Dr. Strangelove og resten.json"),
        ("", "transcript.json"),
        (".wav", "wav.json"),
        ("...", "transcript.json"),
        ("../../etc/passwd", "passwd.json"),
        ("C:\\Users\\me\\opptak.wav", "opptak.json"),
        ("/", "transcript.json"),
        ("a\r\nset-cookie: x=1.wav", "aset-cookie_ x=1.json"),
        ('a"; filename="b.exe".wav', "a_; filename=_b.exe_.json"),
        ("tekst\u202egpj.exe", "tekstgpj.json"),
        ("x" * 500 + ".wav", "x" * 120 + ".json"),
        ("a\u030a.wav", "å.json"),
        ("CON.wav", "_CON.json"),
        ("nul", "_nul.json"),
        ("Com1.tar.gz", "_Com1.tar.json"),
        ("LPT².mp3", "_LPT².json"),
        ("CONSUL.wav", "CONSUL.json"),
    ],
)
def test_answer_is_named_after_its_recording(recording: str, name: str) -> None:
    assert saved_as(recording) == name


@given(st.text(max_size=60))
def test_header_of_any_name_is_one_line_of_ascii(recording: str) -> None:
    output = json_output("{}", recording)
    header = output.disposition
    assert header.isascii()
    assert header.isprintable()
    assert re.fullmatch(
        r"inline; filename=\"[^\"\\]*\"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?", header
    )
    assert "/" not in output.file_name
    assert "\\" not in output.file_name
    assert not output.file_name.startswith(".")
    assert saved_as(recording) == output.file_name


def test_header_has_an_ascii_name_for_old_clients() -> None:
    assert content_disposition("attachment", "møte på Ås.srt").startswith(
        'attachment; filename="m_te pa As.srt"; '
    )
