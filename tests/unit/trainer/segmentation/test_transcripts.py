"""Transcripts of every accepted kind, their words, and which recording each belongs to."""

from pathlib import Path

import pytest

from trainer.errors import DataError
from trainer.segmentation.pairs import find_pairs
from trainer.segmentation.splits import split_recordings
from trainer.segmentation.transcripts import read_transcript
from trainer.segmentation.written import normalise_transcript

SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\n{\\an8}<i>Hei på</i>\ndeg &amp; meg\n\n2\n00:00:03,000 --> \
00:00:04,000\nHa det\n"
)
VTT = "WEBVTT\n\nNOTE ikke dette\n\nintro\n00:01.000 --> 00:02.500\n<v Kari>Hei på\ndeg\n"


def write(file: Path, content: str | bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("name", "content", "paragraphs"),
    [
        ("a.txt", "Møtet er\nsatt.\n\n  \nNeste  sak\n", ["Møtet er satt.", "Neste sak"]),
        ("a.md", "\ufeffmøtet\r\n\r\ner satt", ["møtet", "er satt"]),
        ("a.txt", "møtet er satt".encode("latin-1"), ["møtet er satt"]),
        ("a.txt", "møtet er satt".encode("utf-16"), ["møtet er satt"]),
        ("a.SRT", SRT, ["Hei på deg & meg Ha det"]),
        ("a.vtt", VTT, ["Hei på deg"]),
        ("a.json", '{"text": "møtet er satt", "words": []}', ["møtet er satt"]),
    ],
)
def test_transcript_is_read_without_times_and_markup(
    tmp_path: Path, name: str, content: str | bytes, paragraphs: list[str]
) -> None:
    assert read_transcript(write(tmp_path / name, content)) == paragraphs


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "–\n", "has no words"),
        ("a.txt", b"PK\x03\x04\0\0", "is no text"),
        ("a.json", "[]", 'lacks "text"'),
        ("a.json", '{"text": 3}', '"text" is no text'),
        ("a.json", "{", 'lacks "text"'),
    ],
)
def test_file_that_is_no_transcript_is_refused(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_transcript(write(tmp_path / name, content))
    with pytest.raises(DataError, match="cannot be read"):
        read_transcript(tmp_path / f"none-{name}")


def test_numbers_and_notes_of_a_transcript_become_words() -> None:
    written = normalise_transcript(["Møtet [latter] kl. 12.30 – og/eller 5 %!", "Ja."], "nb")
    assert " ".join(written.words) == "møtet klokken tolv tretti og eller fem prosent ja"
    (changed,) = written.changed
    assert changed.before.startswith("Møtet [latter]")
    assert changed.rules["bracketed note"] == 1


def test_recordings_and_transcripts_pair_by_name(tmp_path: Path) -> None:
    for name in ("a.mp3", "b/c.wav", "d.wav", "a.txt", "b/c.vtt", "e.srt", ".hidden.wav"):
        write(tmp_path / "both" / name, "x")
    found = find_pairs(tmp_path / "both", tmp_path / "both")
    assert [pair.name for pair in found.pairs] == ["a", "b/c"]
    assert found.pairs[1].recording == tmp_path / "both" / "b" / "c.wav"
    assert [file.name for file in found.without_transcript] == ["d.wav"]
    assert [file.name for file in found.without_recording] == ["e.srt"]
    alone = find_pairs(tmp_path / "both" / "a.mp3", tmp_path / "both" / "e.srt")
    assert [(pair.name, pair.transcript.name) for pair in alone.pairs] == [("a", "e.srt")]


def test_files_that_do_not_pair_are_refused(tmp_path: Path) -> None:
    sound, text = write(tmp_path / "s" / "a.wav", "x"), write(tmp_path / "t" / "b.txt", "x")
    with pytest.raises(DataError, match="they pair by name"):
        find_pairs(sound.parent, text.parent)
    with pytest.raises(DataError, match="a folder of each"):
        find_pairs(sound, text.parent)
    with pytest.raises(DataError, match="there is no file or folder"):
        find_pairs(sound, tmp_path / "none.txt")
    with pytest.raises(DataError, match=r"accepted are \.txt"):
        find_pairs(sound, sound)
    write(tmp_path / "t" / "b.srt", "x")
    with pytest.raises(DataError, match="the same name"):
        find_pairs(sound.parent, text.parent)


def test_every_split_has_recordings_of_its_own() -> None:
    seconds = {f"recording-{number}": 60.0 + number for number in range(40)} | {"long": 9000.0}
    splits = split_recordings(seconds)
    shares = {
        split: sum(seconds[name] for name, own in splits.items() if own == split)
        / sum(seconds.values())
        for split in ("train", "valid", "test")
    }
    assert splits["long"] == "train"
    assert 0 < shares["valid"] <= 0.1
    assert 0 < shares["test"] <= 0.1
    assert set(split_recordings({"a": 5.0, "b": 9.0, "c": 5.0}).values()) == set(shares)
    assert split_recordings({"a": 5.0, "b": 9.0}) == {"a": "train", "b": "train"}
