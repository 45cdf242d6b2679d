"""`nordlyd-train pseudo-label`: the surest lines of recordings, as a data folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from demo_model import DEMO, sample_texts
from running import environment

from trainer.data import read_split

pytestmark = pytest.mark.long

NORDLYD_TRAIN = Path(sys.executable).with_name("nordlyd-train")
SAMPLES = sorted((DEMO / "samples").glob("*.flac"))


def pseudo_label(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NORDLYD_TRAIN, "pseudo-label", "demo-nb", *arguments],
        env=environment({}), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_lines_above_the_threshold_are_written_the_surest_first(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for sample in SAMPLES:
        shutil.copy(sample, recordings)
    (recordings / "broken.wav").write_text("No sound in here.")
    output = tmp_path / "data"
    broken = recordings / "broken.wav"
    ended = pseudo_label(recordings, broken, "--output", output, "--threshold", "0.0", "--json")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    assert list(found["failed"]) == [str(broken)]
    assert found["left_out"] == {"lines": 0, "seconds": 0}
    written = [
        json.loads(line)
        for split in ("train", "valid", "test")
        for line in (output / f"{split}.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(written) == found["kept"]["lines"] >= len(SAMPLES)
    texts: dict[str, str] = {}
    for line in sorted(written, key=lambda line: line["start"]):
        texts[line["recording"]] = f"{texts.get(line['recording'], '')} {line['text']}".strip()
    assert sorted(texts.values()) == sorted(sample_texts())
    [record, *_] = read_split(output, "train")
    assert len(record.audio.waveform()) == pytest.approx(record.seconds * 16_000, abs=1)

    middle = sorted(line["confidence"] for line in written)[1]
    surer = pseudo_label(recordings, "--output", output, "--threshold", str(middle), "--json")
    kept = json.loads(surer.stdout)
    assert 0 < kept["kept"]["lines"] < len(written)
    assert kept["kept"]["lines"] + kept["left_out"]["lines"] == len(written)


def test_recordings_that_cannot_be_read_end_it_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("No sound in here.")
    ended = pseudo_label(tmp_path / "broken.wav", "--output", tmp_path / "data")
    assert ended.returncode == 1
    assert "no recording could be transcribed" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()
