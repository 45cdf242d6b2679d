"""Folders written by `synthesise` are read back as records, and broken ones are named."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from trainer.data import read_split
from trainer.data.store import Utterance, write_split
from trainer.errors import DataError


def utterance(text: str, speaker: str) -> Utterance:
    return Utterance(
        text=text, start=0, samples=0, speaker=speaker, rate=150, pitch=50, word_starts=(0.1,)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    items = [
        (utterance("god dag", "da+f1"), np.full(16000, 8192, dtype=np.int16)),
        (utterance("farvel", "da+m1"), np.full(8000, -16384, dtype=np.int16)),
    ]
    write_split(tmp_path, "train", items)
    (tmp_path / "counts.json").write_text('{"language": "da"}')
    return tmp_path


def test_written_split_is_read_back_with_its_samples(folder: Path) -> None:
    first, second = read_split(folder, "train")
    assert (first.text, first.speaker, first.seconds) == ("god dag", "da+f1", 1.0)
    assert (second.text, second.speaker, second.seconds) == ("farvel", "da+m1", 0.5)
    assert first.language == "da"
    assert second.split == "train"
    np.testing.assert_array_equal(first.audio.waveform(), np.full(16000, 0.25, np.float32))
    np.testing.assert_array_equal(second.audio.waveform(), np.full(8000, -0.5, np.float32))


def test_folder_without_a_language_has_that_of_its_recipe(folder: Path) -> None:
    (folder / "counts.json").write_text('{"recipe": "demo-nn"}')
    assert read_split(folder, "train")[0].language == "nn"


def test_records_are_pickled_without_their_samples(folder: Path) -> None:
    record = read_split(folder, "train")[1]
    packed = pickle.dumps(record)
    assert len(packed) < 1000
    np.testing.assert_array_equal(pickle.loads(packed).audio.waveform(), record.audio.waveform())


def test_fields_of_a_newer_writer_are_ignored(folder: Path) -> None:
    manifest = folder / "train.jsonl"
    lines = [json.loads(line) | {"room": 0.3} for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(map(json.dumps, lines)))
    assert [record.text for record in read_split(folder, "train")] == ["god dag", "farvel"]


def test_missing_split_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"valid\.(pcm|jsonl) is missing"):
        read_split(folder, "valid")


def test_truncated_synthesised_audio_is_refused(folder: Path) -> None:
    audio = folder / "train.pcm"
    audio.write_bytes(audio.read_bytes()[:-2])
    with pytest.raises(DataError, match=r"holds 47998 bytes.*has 48000"):
        read_split(folder, "train")


def test_invalid_line_of_a_split_is_named(folder: Path) -> None:
    (folder / "train.jsonl").write_text('{"text": "god dag"}\n')
    with pytest.raises(DataError, match="line 1 is no utterance"):
        read_split(folder, "train")
