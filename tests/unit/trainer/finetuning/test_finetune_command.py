"""The command `finetune`, from recordings beside texts to a checkpoint that the service loads."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from letter_tones import TEXTS
from typer.testing import CliRunner

from app.acoustic import load_checkpoint
from trainer.cli import app, main
from trainer.data import read_split
from trainer.errors import DataError, RecipeError
from trainer.model import TOKENS
from trainer.recipe import load_recipe


@pytest.fixture
def recordings(tmp_path: Path, speak) -> Path:
    """Six recordings beside their texts, with one that has no text and one that is no audio."""
    for number, text in enumerate(TEXTS):
        speak(tmp_path / f"own/{number}.wav", text)
        (tmp_path / f"own/{number}.txt").write_text(f"{text.capitalize()}.", "utf-8")
    speak(tmp_path / "own/silent.wav", "uten tekst")
    (tmp_path / "own/broken.mp3").write_bytes(b"no audio")
    (tmp_path / "own/broken.txt").write_text("uten lyd")
    return tmp_path / "own"


def run(*given: object) -> tuple[int, str, dict[str, object]]:
    result = CliRunner().invoke(app, ["finetune", *map(str, given), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stderr, json.loads(result.stdout)


@pytest.mark.long
def test_finetune_makes_a_checkpoint_recipe_and_report(
    recordings: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    given = (tiny_model, recordings, "--language", "nb", "--output", out, "--steps", "3")
    _, lines, report = run(*given, "--max-steps", "1")
    assert "dropped 2" in lines
    assert report["data"]["train"]["utterances"] == 4  # type: ignore[index]
    assert report["data"]["dropped"] == {"audio without text": 1, "broken audio": 1}  # type: ignore[index]
    assert report["data"]["split_by"] == "recording"  # type: ignore[index]
    assert report["method"] == "full"
    recipe = load_recipe(out / "recipe.toml")
    assert recipe.training.steps == 3
    texts = {
        split: {record.text for record in read_split(out / "data", split)}
        for split in ("train", "valid")
    }
    assert not texts["train"] & texts["valid"]
    assert texts["train"] < set(TEXTS)
    with pytest.raises(DataError, match="--resume continues it"):
        run(*given)
    _, lines, report = run(*given, "--resume")
    assert report["start"]["step"] == 0  # type: ignore[index]
    assert re.search(r"exported to \S+; WER on valid [\d.]+ %, [\d.]+ % before", lines)
    rows = [row.split(",") for row in (out / "training_log.csv").read_text().split()[1:]]
    assert [row[2] for row in rows] == ["1", "2", "3"]
    assert report["validation"]["wer"] == min(float(row[4]) for row in rows)  # type: ignore[index]
    assert load_checkpoint(out / "export").vocabulary.tokens == TOKENS
    assert json.loads((out / "finetuning.json").read_text()) == report
    # What was written is what `train` takes.
    again = ("train", out / "recipe.toml", "--data", out / "data", "--output", tmp_path / "again")
    done = CliRunner().invoke(app, [*map(str, again)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "again/checkpoint-3").is_dir()


@pytest.mark.long
def test_two_processes_train_on_what_the_first_has_prepared(
    recordings: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    given = (
        "finetune", tiny_model, recordings, "--language", "nb", "--output", out, "--steps", "2",
        "--sharding", "full", "--json",
    )  # fmt: skip
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = subprocess.run(
        (sys.executable, *torchrun, "-m", "trainer", *map(str, given)),
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["devices"], report["sharding"]) == (2, "full")
    rows = [row.split(",") for row in (out / "training_log.csv").read_text().split()[1:]]
    assert [row[2] for row in rows] == ["1", "2"]
    assert json.loads((out / "finetuning.json").read_text()) == report
    assert done.stderr.count("dropped 2") == 1
    assert done.stderr.count("exported to") == 1
    assert load_checkpoint(out / "export").vocabulary.tokens == TOKENS


def test_only_plan_writes_data_and_recipe_and_trains_nothing(
    recordings: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    _, lines, report = run(
        tiny_model, recordings, "--language", "nb", "--output", out, "--only-plan",
        "--method", "lora",
    )  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == ["data", "finetuning.json", "recipe.toml"]
    assert (report["export"], report["method"]) == (None, "lora")
    assert report["memory"]["total"] < report["memory"]["free"]  # type: ignore[index]
    assert "GiB free on cpu" in lines
    adaptation = load_recipe(out / "recipe.toml").adaptation
    assert adaptation is not None
    assert adaptation.lora_rank == 16


def test_data_folder_is_read_again_with_its_splits(
    recordings: Path, tiny_model: Path, tmp_path: Path
) -> None:
    given = (tiny_model, "--language", "nb", "--only-plan")
    _, _, first = run(*given, recordings, "--output", tmp_path / "first")
    _, _, second = run(*given, tmp_path / "first/data", "--output", tmp_path / "second")
    for split in ("train", "valid", "test"):
        assert first["data"][split] == second["data"][split]  # type: ignore[index]
    assert second["data"]["split_by"] == "given"  # type: ignore[index]


def test_model_without_a_language_needs_one(
    recordings: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="names no language: give --language, one of da, nb, nn"):
        run(tiny_model, recordings, "--output", tmp_path / "run")


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("nothing here", "own", "'nothing here' is no catalogue id"),
        ("demo-nb", "gone", "gone is neither a folder nor a table"),
        ("demo-nb", "own/0.txt", "own/0.txt is no manifest"),
    ],
)
def test_what_cannot_be_used_ends_with_one_line(  # noqa: PLR0917 - fixtures and parameters
    recordings: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    data: str,
    message: str,
) -> None:
    monkeypatch.chdir(recordings.parent)
    monkeypatch.setattr("sys.argv", ["trainer", "finetune", model, data])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_rows_of_another_language_are_dropped_and_those_of_norwegian_kept(
    tiny_model: Path, tmp_path: Path, speak
) -> None:
    for name in "abc":
        speak(tmp_path / f"{name}.wav", TEXTS[0])
    codes = {"a": "nb-NO", "b": "no", "c": "da"}
    rows = [f"{name}.wav,{TEXTS[0]},{code}" for name, code in codes.items()]
    (tmp_path / "own.csv").write_text("\n".join(["audio,text,language", *rows]), "utf-8")
    _, _, report = run(
        tiny_model, tmp_path / "own.csv", "--language", "nb", "--output", tmp_path / "run",
        "--only-plan",
    )  # fmt: skip
    assert report["data"]["dropped"] == {"another language": 1}  # type: ignore[index]
    lines = (tmp_path / "run/data/dropped.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0])["detail"] == "da"
