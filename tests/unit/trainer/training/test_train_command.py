"""The command `python -m trainer train`."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trainer.cli import app, main
from trainer.errors import DataError


@pytest.fixture
def small(make_small: Callable[[str], Path]) -> Path:
    """A recipe file: `demo-da`, made small."""
    return make_small("demo-da")


def test_train_command_makes_a_resumable_run(small: Path, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [
        "train",
        str(small),
        "--data",
        str(data),
        "--output",
        str(run),
        "--precision",
        "fp32",
    ]
    first = CliRunner().invoke(app, [*command, "--max-steps", "2"])
    assert first.exit_code == 0, first.output
    assert {path.name for path in run.iterdir()} == {
        "checkpoint-2",
        "export",
        "recipe.toml",
        "run.json",
        "tensorboard",
        "training_log.csv",
    }
    assert re.search(r"step 2/3001, .* WER \d", first.output)
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, DataError)
    assert "--resume" in str(again.exception)
    more = CliRunner().invoke(app, [*command, "--resume", "--max-steps", "3"])
    assert more.exit_code == 0, more.output
    assert (run / "checkpoint-3").is_dir()


@pytest.mark.long
def test_ctrl_c_prints_what_was_saved_and_how_to_continue(
    small: Path, data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    given = ("train", small, "--data", data, "--output", run, "--precision", "fp32")
    command = (sys.executable, "-m", "trainer", *map(str, given))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("step 2/3001") for line in process.stderr)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0
    assert "stopping: this update is finished and saved first" in rest
    stopped = re.search(r"stopped after update (\d+) of 3,001, which is saved in (\S+);", rest)
    assert stopped is not None, rest
    assert stopped[2] == str(run / f"checkpoint-{stopped[1]}")
    assert Path(stopped[2]).is_dir()
    assert "--resume continues" in rest


def test_output_that_cannot_be_used_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    models = Path(__file__).parents[4] / "models"
    given = ["trainer", "export", str(models / "demo-nb"), str(tmp_path / "file/export")]
    monkeypatch.setattr("sys.argv", given)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert (
        capsys.readouterr().err == f"{tmp_path / 'file/export'} cannot be used: Not a directory\n"
    )


def test_default_data_folder_is_that_of_synthesise(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["train", str(small), "--output", "run"])
    assert isinstance(result.exception, DataError)
    assert "data/demo-da" in str(result.exception)
