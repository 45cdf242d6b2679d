"""The words of transcripts, and which recording each transcript belongs to."""

from pathlib import Path

import pytest

from trainer.errors import DataError
from trainer.segmentation.pairs import find_pairs
from trainer.segmentation.written import normalise_transcript


def write(file: Path, content: str | bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_numbers_and_notes_of_a_transcript_become_words() -> None:
    written = normalise_transcript(["Møtet [latter] kl. 12.30 – og/eller 5 %!", "Ja."], "nb")
    assert " ".join(written.words) == "møtet klokken tolv tretti og eller fem prosent ja"
    (changed,) = written.changed
    assert changed.before.startswith("Møtet [latter]")
    assert changed.rules["bracketed note"] == 1


def test_recordings_and_transcripts_pair_by_name(tmp_path: Path) -> None:
    for name in ("a.mp3", "b/c.wav", "d.wav", "a.docx", "b/c.vtt", "e.srt", ".hidden.wav"):
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
