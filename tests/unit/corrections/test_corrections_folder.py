"""Data folders of corrected transcripts: lines, splits by recording, and what the trainer reads."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recognised import RECOGNISED

from app.contract.answers import Word
from app.corrections import DataFolder, TrainingLine, training_lines
from trainer.data import read_split
from trainer.data.manifest import ManifestSource

LINE = TrainingLine(0.25, 1.0, "Det er 5 hus.", "nb", "", 0.5)


def add(folder: DataFolder, name: str, *lines: TrainingLine, digest: str | None = None) -> None:
    samples = np.full(32_000, 0.1, np.float32)
    folder.add(name, digest or name * 16, samples, lines or (LINE,))


def entries(folder: Path, split: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


def test_trainer_reads_lines_and_their_audio(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    add(folder, "a")
    summary = folder.finish()
    assert summary.lines == 1
    [record] = read_split(tmp_path, "train")
    assert (record.text, record.language, record.speaker) == ("Det er 5 hus.", "nb", "a" * 12)
    assert len(record.audio.waveform()) == round(record.seconds * 16_000) == 12_000
    [candidate] = ManifestSource(tmp_path / "train.jsonl").candidates("train")
    assert candidate.text == "Det er 5 hus."
    assert candidate.audio is not None
    assert candidate.audio.seconds() == pytest.approx(0.75)


@pytest.mark.parametrize("sure_first", [False, True])
def test_lines_are_in_the_order_of_confidence(tmp_path: Path, sure_first: bool) -> None:
    folder = DataFolder(tmp_path, sure_first=sure_first)
    add(folder, "a", *(replace(LINE, confidence=share) for share in (0.5, 0.9, 0.1)))
    folder.finish()
    found = [entry["confidence"] for entry in entries(tmp_path, "train")]
    assert found == sorted([0.5, 0.9, 0.1], reverse=sure_first)


def test_recordings_stay_in_their_split_and_erased_ones_leave_the_folder(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    for name in "abc":
        add(first, name)
    assert set(first.finish().splits) == {"train", "valid", "test"}
    before = {
        str(entry["recording"]): split
        for split in ("train", "valid", "test")
        for entry in entries(tmp_path, split)
    }
    again = DataFolder(tmp_path)
    for name in "0b1c2":
        add(again, name)
    again.finish()
    after = {
        str(entry["recording"]): split
        for split in ("train", "valid", "test")
        if (tmp_path / f"{split}.jsonl").exists()
        for entry in entries(tmp_path, split)
    }
    assert all(after[digest] == before[digest] for digest in ("b" * 16, "c" * 16))
    assert sorted(path.stem for path in (tmp_path / "audio").iterdir()) == list("012bc")
    assert b"a" * 16 not in b"".join(path.read_bytes() for path in tmp_path.glob("*.jsonl"))


def test_equal_recordings_are_in_one_split(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    add(folder, "a", digest="same")
    add(folder, "b", digest="same")
    assert folder.finish().splits["train"].recordings == 2


def test_line_has_the_confidence_of_what_was_recognised_and_whether_it_was_changed() -> None:
    words = (*RECOGNISED.words[:2], Word("Moldejazz", 1.0, 1.6, 1.0, "S1"), RECOGNISED.words[3])
    first, second = training_lines(replace(RECOGNISED, words=words), RECOGNISED)
    assert (first.text, first.speaker, first.changed) == ("det er Moldejazz", "S1", True)
    assert first.confidence == pytest.approx((0.9 + 0.8 + 0.3) / 3)
    assert (second.text, second.changed) == ("ja", False)
    assert (first.start, first.end) == (pytest.approx(0.3), pytest.approx(1.8))
    assert first.end <= second.start
