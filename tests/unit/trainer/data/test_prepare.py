"""Published rows of every kind become manifests, and every dropped row is counted."""

import json
import pickle
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.data import evaluation_sentences, read_split
from trainer.data.prepare import prepare
from trainer.errors import DataError

GOOD = "Stortingets møte er lovleg sett."


@pytest.fixture
def folder(npsc, encoded, tmp_path: Path) -> Path:
    """NPSC with one row of every kind that is dropped, and three that are kept."""
    audio = encoded(4.0, kind="MP3")
    npsc(
        "train",
        [
            {"text": GOOD, "audio": audio},
            {"text": "Eg <ee> takkar for ordet", "audio": encoded(3.0), "speaker_id": 7},
            {"text": "Møtet er hevet", "audio": audio, "sentence_language_code": "nb-NO"},
            {"text": "Det var <inaudible> der", "audio": audio},
            {"text": "Det stod 3-1 til slutt", "audio": audio},
            {"text": "Sjå www.stortinget.no", "audio": audio},
            {"text": "Ja", "audio": audio},
            {"text": None, "audio": audio},
            {"text": " … ", "audio": audio},
            {"text": "Prisen er ti €", "audio": audio},
            {"text": "Her er lyden borte", "audio": None, "file": None},
            {"text": "Her er lyden ikkje lyd", "audio": b"not audio"},
            {"text": "Her er lyden broten av", "audio": audio[: len(audio) // 2]},
            {"text": "Her er lyden for kort", "audio": encoded(0.4)},
            {"text": "Her er lyden for lang", "audio": encoded(30.5, rate=8000)},
            {"text": "Her er teksten altfor lang for så lite lyd" * 3, "audio": encoded(1.0)},
            {"text": "Naïve Señ\u00f6r", "audio": audio},
            {"text": "Vi går vidare då", "audio": encoded(2.0, rate=48000)},
        ],
        row_group_size=3,
    )
    npsc("validation", [{"text": "Representanten har ordet", "audio": audio}])
    npsc("test", [{"text": "Debatten er slutt", "audio": audio}, {"text": GOOD, "audio": audio}])
    return tmp_path / "npsc"


def test_every_row_is_kept_or_counted_with_its_reason(nynorsk, folder, tmp_path: Path) -> None:
    counts = prepare(nynorsk, tmp_path / "out", folders={"npsc": folder}, workers=2)
    train = counts["sources"]["npsc-nynorsk/train"]
    assert train["rows"] == 18
    assert train["utterances"] == 3
    assert train["speakers"] == 2
    assert train["hours"] == pytest.approx(9 / 3600, abs=1e-3)
    assert train["dropped"] == {
        "broken audio": 3,
        "empty text": 2,
        "unknown character": 2,
        "another language": 1,
        "inaudible": 1,
        "digits": 1,
        "unknown abbreviation": 1,
        "text too short": 1,
        "audio too short": 1,
        "audio too long": 1,
        "text longer than its frames": 1,
    }
    assert train["unknown_characters"] == {"€": 1, "ñ": 1}
    assert train["licence"] == "CC0-1.0"
    assert sum(train["dropped"].values()) + train["utterances"] == train["rows"]
    assert counts["train"]["utterances"] == 3
    assert counts["dropped"] == train["dropped"]
    assert json.loads((tmp_path / "out" / "counts.json").read_text()) == counts


def test_prepared_records_have_normalised_text_and_their_audio(
    nynorsk, folder, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare(nynorsk, out, folders={"npsc-nynorsk": folder})
    records = read_split(out, "train")
    assert [record.text for record in records] == [
        "stortingets møte er lovleg sett",
        "eg eee takkar for ordet",
        "vi går vidare då",
    ]
    assert [record.speaker for record in records] == ["32", "7", "32"]
    assert {(record.language, record.split) for record in records} == {("nn", "train")}
    for record, seconds in zip(records, (4.0, 3.0, 2.0), strict=True):
        samples = record.audio.waveform()
        assert samples.dtype == np.float32
        assert record.seconds == pytest.approx(seconds, abs=0.1)
        assert len(samples) == pytest.approx(16000 * record.seconds, abs=1)
        assert np.abs(samples).max() == pytest.approx(0.1, abs=0.02)


def test_digits_signs_and_abbreviations_are_written_out_and_listed(
    nynorsk, npsc, encoded, tmp_path: Path
) -> None:
    rows = [
        {"text": "I 1814 fekk vi grunnlov", "audio": encoded(4.0)},
        {"text": "Ca. 5 % av og/eller [latter] dei", "audio": encoded(4.0)},
        {"text": GOOD, "audio": encoded(4.0)},
    ]
    for split in ("train", "validation", "test"):
        npsc(split, rows)
    lines: list[str] = []
    counts = prepare(
        nynorsk, tmp_path / "out", folders={"npsc": tmp_path / "npsc"}, notify=lines.append
    )
    assert [record.text for record in read_split(tmp_path / "out", "train")] == [
        "i atten hundre og fjorten fekk vi grunnlov",
        "cirka fem prosent av og eller dei",
        "stortingets møte er lovleg sett",
    ]
    assert counts["train"]["written_out"] == {
        "number": 1, "abbreviation": 1, "bracketed note": 1, "slash": 1, "per cent": 1,
    }  # fmt: skip
    assert counts["written_out"]["number"] == 3
    assert any(line.startswith("npsc-nynorsk/train: written out: 1 ") for line in lines)
    listed = rows_of(tmp_path / "out/written_out.jsonl")
    assert len(listed) == 6
    assert listed[0] == {
        "source": "npsc-nynorsk/train",
        "number": 1,
        "rules": {"number": 1},
        "before": "I 1814 fekk vi grunnlov",
        "after": "i atten hundre og fjorten fekk vi grunnlov",
        "place": listed[0]["place"],
    }


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_dropped_rows_are_listed_with_reason_and_place(nynorsk, folder, tmp_path: Path) -> None:
    counts = prepare(nynorsk, tmp_path / "out", folders={"npsc": folder})
    listed = rows_of(tmp_path / "out/dropped.jsonl")
    assert Counter(row["reason"] for row in listed) == counts["dropped"]
    by_text = {row.get("text"): row for row in listed}
    short = by_text["Her er lyden for kort"]
    assert (short["source"], short["reason"]) == ("npsc-nynorsk/train", "audio too short")
    assert (short["detail"], short["number"], short["place"]["row"]) == ("0.40 s", 14, 13)
    assert "broken off" not in by_text["Her er lyden ikkje lyd"]["detail"]
    assert by_text["Her er lyden ikkje lyd"]["detail"]


def test_records_are_pickled_without_open_files(nynorsk, folder, tmp_path: Path) -> None:
    prepare(nynorsk, tmp_path / "out", folders={"npsc": folder})
    records = read_split(tmp_path / "out", "train")
    records[0].audio.waveform()
    again = pickle.loads(pickle.dumps(records))
    np.testing.assert_array_equal(again[2].audio.waveform(), records[2].audio.waveform())


def test_copied_audio_moves_with_the_folder(nynorsk, folder, tmp_path: Path) -> None:
    prepare(nynorsk, tmp_path / "here", folders={"npsc": folder})
    prepare(nynorsk, tmp_path / "copied", folders={"npsc": folder}, copy=True)
    expected = [record.audio.waveform() for record in read_split(tmp_path / "here", "train")]
    moved = (tmp_path / "copied").rename(tmp_path / "moved")
    shutil.rmtree(folder)
    records = read_split(moved, "train")
    for record, samples in zip(records, expected, strict=True):
        np.testing.assert_array_equal(record.audio.waveform(), samples)
    assert sorted(path.suffix for path in moved.glob("train*")) == [".audio", ".jsonl"]
    (moved / "train.audio").write_bytes((moved / "train.audio").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"train\.audio ends before byte"):
        records[-1].audio.waveform()


def test_evaluation_sentences_in_the_training_split_are_counted(
    nynorsk, folder, tmp_path: Path
) -> None:
    counts = prepare(nynorsk, tmp_path / "out", folders={"npsc": folder})
    assert evaluation_sentences(tmp_path / "out") == {
        "representanten har ordet",
        "debatten er slutt",
        "stortingets møte er lovleg sett",
    }
    assert counts["seen_in_training"]["valid"] == {"texts": 0, "speakers": 1}
    assert counts["seen_in_training"]["test"] == {"texts": 1, "speakers": 1}


def test_strict_filters_apply_before_normalisation(nynorsk, npsc, encoded, tmp_path: Path) -> None:
    recipe = replace(nynorsk, data=replace(nynorsk.data, normalisation="strict"))
    rows = [
        {"text": "Höyr no på", "audio": encoded(2.0)},
        {"text": "Señor § 5", "audio": encoded(2.0)},
        {"text": "Señor §", "audio": encoded(2.0)},
        {"text": "Eg <unk> takkar", "audio": encoded(2.0)},
        # Twenty letters in 1 s: 50 frames by the published arithmetic, 49 by the convolutions.
        {"text": "a" * 50, "audio": encoded(1.0)},
        {"text": "a" * 51, "audio": encoded(1.0)},
        {"text": "nett på grensa", "audio": encoded(0.5)},
        {"text": "ja!", "audio": encoded(2.0)},
    ]
    for split in ("train", "validation", "test"):
        npsc(split, rows)
    counts = prepare(recipe, tmp_path / "out", folders={"npsc": tmp_path / "npsc"})
    assert [record.text for record in read_split(tmp_path / "out", "train")] == [
        "hoyr no på",
        "señor §",
        "a" * 50,
        "ja",
    ]
    assert counts["train"]["dropped"] == {
        "digits": 1,
        "unknown character": 1,
        "text longer than its frames": 1,
        "audio too short": 1,
    }
    assert not counts["written_out"]


def test_corrected_filters_count_blanks_between_doubled_letters(
    nynorsk, npsc, encoded, tmp_path: Path
) -> None:
    rows = [
        {"text": "ab" * 24 + "a", "audio": encoded(1.0)},
        {"text": "ab" * 25, "audio": encoded(1.0)},
        {"text": "a" * 25, "audio": encoded(1.0)},
        {"text": "a" * 26, "audio": encoded(1.0)},
        {"text": "nett på grensa", "audio": encoded(0.5)},
        {"text": "Höyr no på", "audio": encoded(1.0)},
    ]
    for split in ("train", "validation", "test"):
        npsc(split, rows)
    counts = prepare(nynorsk, tmp_path / "out", folders={"npsc": tmp_path / "npsc"})
    kept = [record.text for record in read_split(tmp_path / "out", "train")]
    assert kept == ["ab" * 24 + "a", "a" * 25, "nett på grensa", "høyr no på"]
    assert counts["train"]["dropped"] == {"text longer than its frames": 2}


def test_empty_split_ends_prepare_with_drop_reasons(nynorsk, npsc, encoded, tmp_path: Path) -> None:
    npsc("train", [{"text": "Møtet er hevet", "sentence_language_code": "nb-NO"}])
    with pytest.raises(DataError, match=r"nothing of train is left.*another language.*1.*dropped"):
        prepare(nynorsk, tmp_path / "out", folders={"npsc": tmp_path / "npsc"})
    assert len(rows_of(tmp_path / "out/dropped.jsonl")) == 1
    assert not (tmp_path / "out" / "train.jsonl").exists()


def test_unknown_source_is_refused_before_anything_is_read(nynorsk, folder, tmp_path: Path) -> None:
    recipe = replace(nynorsk, data=replace(nynorsk.data, test=("npsk/test",)))
    with pytest.raises(DataError, match=r"no source 'npsk/test'; accepted are .*npsc-nynorsk"):
        prepare(recipe, tmp_path / "out", folders={"npsc": folder})
    assert not (tmp_path / "out").exists()


def test_missing_split_lists_searched_paths(nynorsk, npsc, encoded, tmp_path: Path) -> None:
    npsc("train", [{"text": GOOD, "audio": encoded(4.0)}])
    with pytest.raises(DataError, match=r"holds no validation; looked for 16K_mp3/validation/"):
        prepare(nynorsk, tmp_path / "out", folders={"npsc": tmp_path / "npsc"})


def test_truncated_download_is_refused(nynorsk, npsc, encoded, tmp_path: Path) -> None:
    path = npsc("train", [{"text": GOOD, "audio": encoded(4.0)}])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"0000\.parquet is no Parquet file that can be read"):
        prepare(nynorsk, tmp_path / "out", folders={"npsc": tmp_path / "npsc"})


def test_partial_set_is_noted_in_counts(nynorsk, folder, tmp_path: Path) -> None:
    (folder / "16K_mp3" / "train").rename(folder / "16K_mp3" / "partial-train")
    counts = prepare(nynorsk, tmp_path / "out", folders={"npsc": folder})
    assert "only the beginning" in counts["sources"]["npsc-nynorsk/train"]["note"]
    assert "note" not in counts["sources"]["npsc-nynorsk/test"]


def test_missing_split_of_a_prepared_folder_names_the_commands(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl is missing; make it with .*prepare"):
        read_split(tmp_path, "train")
