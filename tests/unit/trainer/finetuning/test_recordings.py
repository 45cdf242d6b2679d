"""One's own recordings beside transcripts of every kind, and tables."""

import json
from fractions import Fraction
from pathlib import Path

import av
import docx
import numpy as np
import pympi
import pytest
from praatio import textgrid

from trainer.errors import DataError
from trainer.finetuning.recordings import Utterance, find_utterances

SRT = """1
00:00:00,500 --> 00:00:01,500
<i>Ordet er</i>
fritt

2
00:00:02,000 --> 00:00:03.000
- Takk &amp; hei
"""
VTT = """WEBVTT

NOTE not spoken

00:00.500 --> 00:01.500 align:start
<v Kari Nordmann>Ordet er <00:00:01.000>fritt</v>

00:02.000 --> 00:03.000
Takk & hei
"""
SERVICE = {
    "text": "Ordet er fritt Takk & hei",
    "segments": [
        {"id": 0, "start": 0.5, "end": 1.5, "text": "Ordet er fritt", "speaker": "Kari Nordmann"},
        {"id": 1, "start": 2.0, "end": 3.0, "text": "Takk & hei", "speaker": None},
    ],
}


def found(data: Path) -> list[Utterance]:
    return list(find_utterances(data))


def texts(data: Path) -> list[str | None]:
    return [item.candidate.text for item in found(data)]


@pytest.mark.parametrize(
    ("name", "content", "speaker"),
    [
        ("a.srt", SRT, ""),
        ("a.da.srt", SRT.replace("\n", "\r\n"), ""),
        ("a.wav.vtt", VTT, "Kari Nordmann"),
        ("a.json", json.dumps(SERVICE), "Kari Nordmann"),
    ],
)
def test_timed_transcript_gives_parts_of_its_recording(
    tmp_path: Path, speak, name: str, content: str, speaker: str
) -> None:
    speak(tmp_path / "a.wav", "en to tre fire fem seks syv åtte ni ti")
    (tmp_path / name).write_text(content, "utf-8")
    first, second = found(tmp_path)
    assert (first.candidate.text, second.candidate.text) == ("Ordet er fritt", "Takk & hei")
    assert (first.speaker, second.speaker) == (speaker, "")
    assert first.recording == second.recording
    assert second.candidate.audio is not None
    assert second.candidate.audio.place() == {
        "audio": str(tmp_path / "a.wav"),
        "start": 2.0,
        "end": 3.0,
    }
    assert second.candidate.audio.seconds() == 1.0


def test_annotations_name_their_speakers_and_labels_stay_within_a_recording(
    tmp_path: Path, speak
) -> None:
    speak(tmp_path / "a.wav", "det er en lang setning")
    speak(tmp_path / "b.wav", "det er en lang setning")
    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("kari", [(0.0, 1.0, "Det er en")], 0, 2))
    grid.addTier(textgrid.IntervalTier("Speaker 1", [(1.0, 2.0, "lang setning")], 0, 2))
    grid.save(str(tmp_path / "a.TextGrid"), "long_textgrid", True)
    document = pympi.Eaf()
    document.add_tier("kari")
    document.add_annotation("kari", 0, 1000, "Det er en")
    document.to_file(str(tmp_path / "b.eaf"))
    assert [(item.speaker, item.candidate.speaker) for item in found(tmp_path)] == [
        ("kari", "kari"),
        ("", "Speaker 1"),
        ("kari", "kari"),
    ]


def test_text_beside_or_below_another_folder_is_of_the_whole_recording(
    tmp_path: Path, speak
) -> None:
    speak(tmp_path / "lyd/a.wav", "en to")
    speak(tmp_path / "lyd/b.flac", "tre fire")
    speak(tmp_path / "lyd/c.wav", "fem")
    speak(tmp_path / "lyd/d.wav", "fem seks")
    (tmp_path / "tekst").mkdir()
    (tmp_path / "tekst/a.txt").write_bytes("én\nto på".encode("latin-1"))
    (tmp_path / "lyd/b.txt").write_text("tre fire", "utf-8-sig")
    document = docx.Document()
    document.add_paragraph("fem")
    document.add_paragraph("seks")
    document.save(str(tmp_path / "tekst/d.docx"))
    (tmp_path / "README.txt").write_text("not a transcript")
    assert texts(tmp_path)[:2] == ["én to på", "tre fire"]
    _, _, without, word = found(tmp_path)
    dropped = without.candidate
    assert (dropped.dropped, dropped.detail) == ("audio without text", str(tmp_path / "lyd/c.wav"))
    assert word.candidate.text == "fem seks"


def test_transcript_with_times_is_preferred_to_plain_text(tmp_path: Path, speak) -> None:
    speak(tmp_path / "a.wav", "det er en lang setning")
    (tmp_path / "a.txt").write_text("en tekst")
    (tmp_path / "a.srt").write_text(SRT)
    assert texts(tmp_path) == ["Ordet er fritt", "Takk & hei"]


def test_video_is_read_as_the_service_reads_it(tmp_path: Path, speak) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), "fltp", "mono")
        frame.rate, frame.time_base = 16000, Fraction(1, 16000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (tmp_path / "a.srt").write_text(SRT)
    first, second = found(tmp_path)
    assert first.candidate.audio is not None
    assert second.candidate.audio is not None
    assert (first.candidate.audio.seconds(), second.candidate.audio.seconds()) == (1.0, 1.0)


def test_table_gives_parts_speakers_recordings_and_splits(tmp_path: Path, speak) -> None:
    speak(tmp_path / "clips/a.wav", "det er en lang setning")
    (tmp_path / "own.csv").write_text(
        "path;sentence;client_id;session;start;end;subset\n"
        "a.wav;Det er en;kari;s1;0,5;1,5;dev\na.wav;lang;;;2;1;\n;uten lyd;;;;;\n",
        "utf-8",
    )
    first, *broken = found(tmp_path)
    assert (first.speaker, first.recording, first.split) == ("kari", "s1", "dev")
    assert first.candidate.audio is not None
    assert first.candidate.audio.seconds() == 1.0
    assert [item.candidate.dropped for item in broken] == ["broken line", "broken line"]


@pytest.mark.parametrize("table", [True, False])
def test_relative_place_of_the_data_is_from_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speak, *, table: bool
) -> None:
    speak(tmp_path / "own/a.wav", "en to tre")
    own = tmp_path / "own"
    (own / "own.csv" if table else own / "a.txt").write_text("audio,text\na.wav,en to tre\n")
    monkeypatch.chdir(tmp_path)
    (item,) = found(Path("own"))
    assert item.candidate.audio is not None
    assert item.candidate.audio.seconds() == pytest.approx(0.9)


def test_tables_named_as_splits_are_these_splits(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"audio\ttext\n{split}.wav\ttekst\n")
    assert [item.split for item in found(tmp_path)] == ["test", "train", "validation"]


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_place_without_speech_lists_what_is_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"neither a folder|neither tables .*\.csv.*\.srt"):
        found(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '{"segments": [{"text": "en"}, {"text": "to"}]}', "no transcript with times"),
        ("a.srt", "bare tekst", "there are no subtitles"),
    ],
)
def test_transcript_without_times_is_a_broken_annotation(
    tmp_path: Path, speak, name: str, content: str, message: str
) -> None:
    speak(tmp_path / "a.wav", "en")
    (tmp_path / name).write_text(content)
    (item,) = found(tmp_path)
    assert item.candidate.dropped == "broken annotations"
    assert message in item.candidate.detail
