"""One's own recordings: manifests, annotations of Praat and ELAN, and synthesised speech."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pympi
import pytest
import soundfile
from praatio import textgrid

from app.formats.eaf import to_eaf
from app.formats.textgrid import to_textgrid
from app.formats.timeline import TimedWord, Timeline
from app.formats.timeline import Utterance as Spoken
from trainer.data import read_split
from trainer.data.prepare import prepare
from trainer.data.sources import open_source
from trainer.data.store import Utterance, write_split
from trainer.errors import DataError
from trainer.evaluation import read_data


def prepared(recipe, reference: str, out: Path, **options):
    data = replace(recipe.data, train=(reference,), valid=(reference,), test=(reference,))
    counts = prepare(replace(recipe, data=data), out, **options)
    return counts, read_split(out, "train")


@pytest.fixture
def meeting(tmp_path: Path) -> Path:
    """A recording of 6 s whose level steps from 0.1 to 0.6, a step a second."""
    levels = np.repeat(np.arange(1, 7) / 10, 16000)
    path = tmp_path / "own" / "meeting.wav"
    path.parent.mkdir()
    soundfile.write(path, levels.astype(np.float32), 16000, subtype="FLOAT")
    return path


def test_paths_of_a_json_lines_manifest_are_relative_to_it(nynorsk, meeting: Path) -> None:
    lines = [
        {"audio": "meeting.wav", "text": "Heile møtet", "speaker": "kari", "language": "nb"},
        {"audio": "meeting.wav", "text": "Det tredje sekundet", "start": 2.0, "end": 3.0},
        {"audio": "gone.wav", "text": "Denne er borte"},
        {"text": "Utan lyd"},
        {"audio": "meeting.wav", "text": "Etter slutten", "start": 5.5, "end": 9.0},
        {"audio": "meeting.wav", "text": "Baklengs", "start": 3.0, "end": 2.0},
        ["no", "object"],
    ]
    manifest = meeting.with_name("own.jsonl")
    manifest.write_text("\n".join([*map(json.dumps, lines), "{broken", ""]))
    counts, (whole, part) = prepared(nynorsk, f"manifest:{manifest}", meeting.parent / "out")
    assert counts["train"]["dropped"] == {"broken audio": 3, "broken line": 3}
    assert (whole.text, whole.speaker, whole.language) == ("heile møtet", "kari", "nb")
    assert (part.speaker, part.language, part.seconds) == ("", "nn", 1.0)
    assert whole.seconds == 6.0
    np.testing.assert_allclose(part.audio.waveform(), np.full(16000, 0.3), rtol=1e-6)


def test_part_without_an_end_reaches_the_end_of_the_recording(nynorsk, meeting: Path) -> None:
    lines = [
        {"audio": "meeting.wav", "text": "Dei siste", "start": 4.0},
        {"audio": "meeting.wav", "text": "Dei første", "end": 2.0},
    ]
    manifest = meeting.with_name("own.jsonl")
    manifest.write_text("\n".join(map(json.dumps, lines)))
    out = meeting.parent / "out"
    for copy in (False, True):
        _, (last, first) = prepared(nynorsk, f"manifest:{manifest}", out, copy=copy)
        assert (last.seconds, first.seconds) == (2.0, 2.0)
        np.testing.assert_allclose(last.audio.waveform()[[0, -1]], [0.5, 0.6], rtol=1e-6)
        np.testing.assert_allclose(first.audio.waveform()[[0, -1]], [0.1, 0.2], rtol=1e-6)


def test_dialect_and_channel_stay_with_the_utterance(nynorsk, meeting: Path) -> None:
    lines = [
        {"audio": "meeting.wav", "text": "På vossamål", "dialect": "voss", "channel": 2},
        {"audio": "meeting.wav", "text": "Utan noko", "dialect": "", "channel": None},
    ]
    manifest = meeting.with_name("own.jsonl")
    manifest.write_text("\n".join(map(json.dumps, lines)))
    prepared(nynorsk, f"manifest:{manifest}", meeting.parent / "out")
    found = read_data(meeting.parent / "out", "test")
    assert found.labels == ({"dialect": "voss", "channel": "2"}, {})


@pytest.mark.parametrize(("suffix", "between"), [("csv", ","), ("tsv", "\t")])
def test_empty_cells_of_a_table_manifest_are_left_out(
    nynorsk, meeting: Path, suffix: str, between: str
) -> None:
    table = [
        ("audio", "text", "speaker", "start", "end"),
        ("meeting.wav", '"Ja, det går"', "kari", "", ""),
        (str(meeting), "Det andre", "", "1", "2"),
    ]
    folder = meeting.parent / "manifests"
    folder.mkdir()
    manifest = folder / f"train.{suffix}"
    manifest.write_text("\n".join(between.join(row) for row in table))
    (folder / "meeting.wav").write_bytes(meeting.read_bytes())
    _, records = prepared(nynorsk, f"manifest:{folder}/train", meeting.parent / "out")
    assert [(one.text, one.speaker, one.seconds) for one in records] == [
        ("ja det går", "kari", 6.0),
        ("det andre", "", 1.0),
    ]


def test_each_textgrid_interval_with_text_is_an_utterance(nynorsk, meeting: Path) -> None:
    grid = textgrid.Textgrid()
    grid.addTier(
        textgrid.IntervalTier(
            "kari", [(0.5, 1.5, "Ordet er fritt"), (3.0, 5.0, "Takk for det")], 0, 6
        )
    )
    grid.addTier(textgrid.IntervalTier("ola", [(1.0, 2.0, "Eg òg vil snakke")], 0, 6))
    grid.addTier(textgrid.PointTier("bell", [(2.5, "pling")], 0, 6))
    grid.save(str(meeting.with_suffix(".TextGrid")), "long_textgrid", True)
    _, records = prepared(nynorsk, f"annotations:{meeting.parent}", meeting.parent / "out")
    assert [(one.speaker, one.text, one.seconds) for one in records] == [
        ("kari", "ordet er fritt", 1.0),
        ("kari", "takk for det", 2.0),
        ("ola", "eg og vil snakke", 1.0),
    ]
    samples = records[1].audio.waveform()
    np.testing.assert_allclose(samples, np.repeat([0.4, 0.5], 16000), rtol=1e-6)


def test_top_level_elan_tiers_are_speakers_and_dependent_tiers_are_ignored(
    nynorsk, meeting: Path
) -> None:
    document = pympi.Eaf()
    document.add_linked_file(str(meeting), relpath="./meeting.wav", mimetype="audio/x-wav")
    document.add_linguistic_type("translation", "Symbolic_Association")
    document.add_tier("kari")
    document.add_annotation("kari", 1000, 2500, "Ordet er fritt")
    document.add_annotation("kari", 3000, 3200, "")
    document.add_tier("kari-en", "translation", parent="kari")
    document.add_ref_annotation("kari-en", "kari", 1500, "the floor is open")
    document.to_file(str(meeting.with_name("interview.eaf")))
    _, (record,) = prepared(nynorsk, f"annotations:{meeting.parent}", meeting.parent / "out")
    assert (record.speaker, record.text, record.seconds) == ("kari", "ordet er fritt", 1.5)
    np.testing.assert_allclose(record.audio.waveform()[:16000], np.full(16000, 0.2), rtol=1e-6)


@pytest.mark.parametrize("suffix", ["TextGrid", "eaf"])
@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ((None, None), [("", "ordet er fritt"), ("", "takk")]),
        (("S1", "S2"), [("S1", "ordet er fritt"), ("S2", "takk")]),
    ],
)
def test_annotations_of_the_service_come_back_as_utterances(
    nynorsk, meeting: Path, suffix: str, speakers, expected: list[tuple[str, str]]
) -> None:
    said = [("Ordet", 0.5, 0.8, 0), ("er", 0.9, 1.1, 0), ("fritt", 1.2, 1.6, 0), ("Takk", 3, 4, 1)]
    words = tuple(
        TimedWord(text, round(1000 * start), round(1000 * end), 0.9) for text, start, end, _ in said
    )
    timeline = Timeline((Spoken(words[:3], speakers[0]), Spoken(words[3:], speakers[1])), 6000)
    write = to_textgrid if suffix == "TextGrid" else to_eaf
    meeting.with_suffix(f".{suffix}").write_text(write(timeline), "utf-8")
    _, records = prepared(nynorsk, f"annotations:{meeting.parent}", meeting.parent / "out")
    assert [(one.speaker, one.text) for one in records] == expected


def test_speakers_of_the_same_words_at_other_times_are_kept(nynorsk, meeting: Path) -> None:
    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("kari", [(0.5, 2.5, "Takk for det")], 0, 6))
    answers = [(3.0, 3.9, "Takk"), (4.0, 5.0, "for det")]
    grid.addTier(textgrid.IntervalTier("ola", answers, 0, 6))
    grid.save(str(meeting.with_suffix(".TextGrid")), "long_textgrid", True)
    _, records = prepared(nynorsk, f"annotations:{meeting.parent}", meeting.parent / "out")
    assert [one.speaker for one in records] == ["kari", "ola", "ola"]


def test_invalid_annotations_and_missing_audio_are_counted(nynorsk, meeting: Path) -> None:
    good = textgrid.Textgrid()
    good.addTier(textgrid.IntervalTier("kari", [(0.5, 1.5, "Ordet er fritt")], 0, 6))
    good.save(str(meeting.with_suffix(".TextGrid")), "short_textgrid", True)
    good.save(str(meeting.with_name("alone.TextGrid")), "long_textgrid", True)
    meeting.with_name("torn.TextGrid").write_text('File type = "ooTextFile"\nObject class')
    meeting.with_name("torn.eaf").write_text("<ANNOTATION_DOCUMENT><TIER")
    counts, records = prepared(nynorsk, f"annotations:{meeting.parent}", meeting.parent / "out")
    assert len(records) == 1
    assert counts["train"]["dropped"] == {"broken annotations": 2, "annotations without audio": 1}


def test_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    opened = open_source(f"annotations:{tmp_path}", {})
    with pytest.raises(DataError, match=r"holds no files \.textgrid or \.eaf"):
        list(opened.source.candidates(opened.split))


def test_synthesised_speech_can_be_mixed_in(nynorsk, meeting: Path, tmp_path: Path) -> None:
    spoken = tmp_path / "spoken"
    utterance = Utterance(
        text="eg les ei bok",
        start=0,
        samples=0,
        speaker="nb+f1",
        rate=150,
        pitch=50,
        word_starts=(),
    )
    blocks = [np.full(16000, level, np.int16) for level in (4096, 8192)]
    write_split(spoken, "train", [(utterance, block) for block in blocks])
    counts, records = prepared(nynorsk, f"synthesised:{spoken}/train", tmp_path / "out")
    assert [one.seconds for one in records] == [1.0, 1.0]
    np.testing.assert_array_equal(records[1].audio.waveform(), np.full(16000, 0.25, np.float32))
    assert records[0].language == "nn"
    source = counts["sources"][f"synthesised:{spoken}/train"]
    assert source["note"] == "synthesised speech"
    _, again = prepared(
        nynorsk, "synthesised/train", tmp_path / "again", folders={"synthesised": spoken}
    )
    assert len(again) == 2


def test_manifests_are_not_written_over_synthesised_speech(nynorsk, tmp_path: Path) -> None:
    (tmp_path / "train.pcm").touch()
    with pytest.raises(DataError, match="holds synthesised speech"):
        prepared(nynorsk, "npsc-nynorsk/train", tmp_path)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("manifest:gone.jsonl", r"no manifest gone\.jsonl"),
        ("synthesised/train", "give its folder with --from synthesised=FOLDER.*synthesise"),
        ("npsc-nynorsk", "no source 'npsc-nynorsk'; accepted are NAME/SPLIT"),
        ("npsc-nynorsk/", "no source 'npsc-nynorsk/'"),
    ],
)
def test_unknown_source_lists_accepted_sources(reference: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(reference, {})


def test_line_that_prepare_did_not_write_is_named(nynorsk, meeting: Path) -> None:
    manifest = meeting.with_name("own.jsonl")
    manifest.write_text('{"audio": "meeting.wav", "text": "Heile møtet"}')
    out = meeting.parent / "out"
    prepared(nynorsk, f"manifest:{manifest}", out)
    (out / "test.jsonl").write_text(manifest.read_text())
    with pytest.raises(DataError, match=r"test\.jsonl, line 1 is not as `prepare` writes it"):
        read_split(out, "test")
