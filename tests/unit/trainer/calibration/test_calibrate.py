"""`python -m trainer calibrate` on a demo model and speech made here: files that are used."""

import json
import shutil
from itertools import islice
from pathlib import Path

import pytest
from demo_model import DEMO
from typer.testing import CliRunner

from app.decoding.calibration import CALIBRATION_NAME, load_calibration
from trainer.cli import app
from trainer.data.store import write_split
from trainer.recipe import load_recipe
from trainer.speech.prepare import synthesis_of
from trainer.speech.synthesis import utterances
from trainer.text.numbers import number_sentences


def speak(folder: Path, split: str, count: int) -> None:
    recipe = synthesis_of(load_recipe("demo-nb"))
    sentences = list(islice(number_sentences("nb", seed=count), count))
    write_split(folder, split, utterances(sentences, recipe, split=split, seed=1))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    speak(folder, "valid", 50)
    speak(folder, "test", 25)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "demo-nb"
    ignored = shutil.ignore_patterns("language_model", CALIBRATION_NAME)
    return Path(shutil.copytree(DEMO, folder, ignore=ignored))


@pytest.mark.long
def test_calibration_is_saved_with_the_model(model: Path, data: Path) -> None:
    ended = CliRunner().invoke(app, ["calibrate", str(model), "--data", str(data), "--json"])
    assert ended.exit_code == 0, ended.output
    measured = json.loads(ended.stdout.splitlines()[-1])
    assert set(measured["confidence"]) == {"greedy", "beam"}
    for figures in measured["confidence"].values():
        assert figures["error"] < figures["error_before"]
    assert measured["boundaries"]["fitted"]["end"][0] < measured["boundaries"]["frames"]["end"][0]
    assert json.loads((model / CALIBRATION_NAME).read_text())["measured"] == measured
    assert (model / "reliability.png").read_bytes().startswith(b"\x89PNG")
    calibration = load_calibration([model])
    assert set(calibration.curves) == {"greedy", "beam"}
    assert calibration.boundaries.letter_leads
    assert set(calibration.scores) == {"greedy", "beam"}
    assert all(score < 0 for score in calibration.scores.values())


def test_too_little_speech_is_refused(model: Path, tmp_path: Path) -> None:
    for split in ("valid", "test"):
        speak(tmp_path, split, 3)
    ended = CliRunner().invoke(app, ["calibrate", str(model), "--data", str(tmp_path)])
    assert ended.exit_code != 0
    assert "at least 200 are needed" in str(ended.exception)
