"""`python -m trainer prepare` from the outside."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trainer.cli import main
from trainer.cli.command import app
from trainer.data import read_split

RECIPE = "wav2vec2-xlsr-1B-NPSC-NN-improved"


def test_prepare_writes_a_folder_and_prints_its_counts(npsc, encoded, tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        npsc(split, [{"text": "Ordet er fritt", "audio": encoded(2.0, kind="MP3")}, {"text": ""}])
    out = tmp_path / "out"
    given = ["--output", str(out), "--from", f"npsc={tmp_path / 'npsc'}", "--workers", "1"]
    result = CliRunner().invoke(app, ["prepare", RECIPE, *given])
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert counts["recipe"] == RECIPE
    assert counts["dropped"] == {"empty text": 3}
    assert "npsc-nynorsk/train: kept 1 of 2" in result.stderr
    assert [len(read_split(out, split)) for split in ("train", "valid", "test")] == [1, 1, 1]


def test_from_option_without_a_folder_is_refused_with_the_reason(tmp_path: Path) -> None:
    given = ["--output", str(tmp_path / "out"), "--from", "npsc"]
    result = CliRunner().invoke(app, ["prepare", RECIPE, *given])
    assert result.exit_code == 2
    assert "NAME=FOLDER" in result.output


def test_recipe_of_synthesised_speech_names_the_synthesise_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["trainer", "prepare", "demo-da", "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "`synthesise` makes such a folder" in " ".join(capsys.readouterr().err.split())
