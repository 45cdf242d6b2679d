"""What a training is not resumed with, and what it says when it was interrupted."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_disk import pages, small_disk
from tones import TEXTS, write_speech

from trainer.errors import DataError, RecipeError, TrainingError
from trainer.recipe import Recipe
from trainer.training import Progress, fit


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / f"checkpoint-{step}/model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture(scope="module")
def whole(recipe: Recipe, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was never interrupted."""
    run = tmp_path_factory.mktemp("whole")
    fit(recipe, data, run)
    return run


@pytest.fixture(scope="module")
def stopped(recipe: Recipe, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that ended after update 4 of 6, with checkpoints of 2 and 4."""
    run = tmp_path_factory.mktemp("stopped")
    fit(recipe, data, run, max_steps=4)
    return run


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    """A copy of the training that ended after update 4."""
    return shutil.copytree(stopped, tmp_path / "run")


def test_checkpoint_without_its_optimizer_is_not_resumed(
    recipe: Recipe, data: Path, run: Path
) -> None:
    (run / "checkpoint-4/optimizer.pt").unlink()
    with pytest.raises(TrainingError, match=r"checkpoint-4 lacks optimizer\.pt.*--init"):
        fit(recipe, data, run, resume=True)
    assert (run / "checkpoint-4/model.safetensors").is_file()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 7}, r"seed was \d+, and is 7"),
        ({"learning_rate": 2e-3}, r"training\.learning_rate was 0\.0015, and is 0\.002"),
        ({"batch_seconds": 6.0}, r"training\.batch_seconds was 5\.0, and is 6\.0"),
        ({"hidden_dropout": 0.2}, r"model\.hidden_dropout was 0\.1, and is 0\.2"),
    ],
)
def test_training_is_not_resumed_with_other_numbers(
    recipe: Recipe, data: Path, run: Path, changed: dict[str, float], message: str
) -> None:
    before = weights(run, 4)
    with pytest.raises(TrainingError, match=rf"cannot be resumed: {message}.*--init"):
        fit(with_values(recipe, changed), data, run, resume=True)
    assert same(before, weights(run, 4))


def with_values(recipe: Recipe, changed: dict[str, float]) -> Recipe:
    """A recipe with some of its values changed, whichever table they are in."""
    for name, value in changed.items():
        if name == "seed":
            recipe = replace(recipe, seed=int(value))
        else:
            table = "training" if hasattr(recipe.training, name) else "model"
            recipe = replace(recipe, **{table: replace(getattr(recipe, table), **{name: value})})
    return recipe


def test_training_is_not_resumed_on_other_data(recipe: Recipe, run: Path, tmp_path: Path) -> None:
    fewer = write_speech(tmp_path / "fewer", TEXTS | {"train": TEXTS["train"][:-1]})
    with pytest.raises(TrainingError, match="the split train had 8 utterances, and has 7"):
        fit(recipe, fewer, run, resume=True)
    texts = TEXTS | {"train": ("det er en prøva", *TEXTS["train"][1:])}
    other = write_speech(tmp_path / "other", texts)
    with pytest.raises(TrainingError, match="texts or lengths of the split train are not those"):
        fit(recipe, other, run, resume=True)


@pytest.mark.long
def test_data_folder_that_was_moved_is_the_same_data(
    recipe: Recipe, data: Path, run: Path, whole: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(data, tmp_path / "moved")
    fit(recipe, moved, run, resume=True)
    assert same(weights(whole, 6), weights(run, 6))


@pytest.mark.long
def test_what_is_saved_and_watched_may_change_on_resume(
    recipe: Recipe, data: Path, run: Path, whole: Path
) -> None:
    numbers = replace(recipe.training, evaluate_every=3, keep_checkpoints=2, log_every=1)
    fit(replace(recipe, training=numbers), data, run, resume=True)
    assert same(weights(whole, 6), weights(run, 6))


@pytest.mark.long
def test_plateau_may_be_made_longer_until_the_rate_falls(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    longer = replace(recipe, training=replace(recipe.training, steps=9))
    fit(longer, data, tmp_path / "whole")
    fit(recipe, data, tmp_path / "parts", max_steps=3)
    fit(longer, data, tmp_path / "parts", resume=True)
    assert same(weights(tmp_path / "whole", 9), weights(tmp_path / "parts", 9))
    fit(recipe, data, tmp_path / "late", max_steps=5)
    with pytest.raises(TrainingError, match=r"training\.steps was 6, and is 9"):
        fit(longer, data, tmp_path / "late", resume=True)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def alter(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", truncate),
        pytest.param("model.safetensors", alter, marks=pytest.mark.long),
        pytest.param("model.safetensors", Path.unlink, marks=pytest.mark.long),
        pytest.param("optimizer.pt", truncate, marks=pytest.mark.long),
        pytest.param("trainer_state.json", truncate, marks=pytest.mark.long),
        pytest.param("vocab.json", Path.unlink, marks=pytest.mark.long),
    ],
)
def test_damaged_last_checkpoint_is_passed_over_for_the_one_before(  # noqa: PLR0917 - fixtures
    recipe: Recipe, data: Path, run: Path, whole: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(run / "checkpoint-4" / name)
    lines: list[str] = []
    fit(recipe, data, run, resume=True, warn=lines.append)
    assert "checkpoint-4 is damaged: " in lines[0]
    assert name in lines[0]
    assert lines[1].startswith("resuming from checkpoint-2")
    assert same(weights(whole, 6), weights(run, 6))
    logs = [(folder / "training_log.csv").read_text() for folder in (whole, run)]
    assert logs[0] == logs[1]
    assert (run / "damaged-checkpoint-4").is_dir()


@pytest.mark.long
def test_damage_is_found_in_checkpoints_without_checksums(
    recipe: Recipe, data: Path, run: Path, whole: Path
) -> None:
    for name in ("optimizer.pt", "model.safetensors"):
        truncate(run / "checkpoint-4" / name)
    for folder in run.glob("checkpoint-*"):
        (folder / "checkpoint.sha256").unlink()
    lines: list[str] = []
    fit(recipe, data, run, resume=True, warn=lines.append)
    assert "checkpoint-4 is damaged" in lines[0]
    assert same(weights(whole, 6), weights(run, 6))


def test_run_whose_checkpoints_are_all_damaged_is_not_resumed(
    recipe: Recipe, data: Path, run: Path
) -> None:
    for folder in run.glob("checkpoint-*"):
        truncate(folder / "model.safetensors")
    with pytest.raises(TrainingError, match=r"no checkpoint in .* can be read"):
        fit(recipe, data, run, resume=True)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_interrupted_training_names_what_was_saved_and_how_to_continue(
    recipe: Recipe, data: Path, whole: Path, tmp_path: Path, number: signal.Signals
) -> None:
    lines: list[str] = []

    def interrupt(progress: Progress) -> None:
        if progress.step == 2 and not progress.validation:
            os.kill(os.getpid(), number)

    fit(recipe, data, tmp_path, report=interrupt, warn=lines.append)
    assert "stopping: this update is finished and saved first" in lines
    assert "stopped after update 3 of 6" in lines[-1]
    assert str(tmp_path / "checkpoint-3") in lines[-1]
    assert "--resume continues" in lines[-1]
    fit(recipe, data, tmp_path, resume=True)
    assert same(weights(whole, 6), weights(tmp_path, 6))


@pytest.mark.long
def test_resume_needs_no_weights_to_start_from(
    recipe: Recipe, data: Path, stopped: Path, tmp_path: Path
) -> None:
    tuned = replace(recipe, model=replace(recipe.model, init="nobody/nothing"))
    init = tmp_path / "start"
    shutil.copytree(stopped / "export", init)
    fit(tuned, data, tmp_path / "run", init=init, max_steps=2)
    shutil.rmtree(init)
    fit(tuned, data, tmp_path / "run", resume=True)
    assert (tmp_path / "run/checkpoint-6").is_dir()
    with pytest.raises(TrainingError, match="was begun from start, not from"):
        fit(tuned, data, tmp_path / "run", init=stopped / "export", resume=True)


@pytest.mark.long
def test_run_without_a_record_is_resumed_with_a_warning(
    recipe: Recipe, data: Path, run: Path, whole: Path
) -> None:
    (run / "run.json").unlink()
    lines: list[str] = []
    fit(recipe, data, run, resume=True, warn=lines.append)
    assert "has no run.json" in lines[0]
    assert same(weights(whole, 6), weights(run, 6))


def test_record_of_a_run_has_its_start_data_and_versions(stopped: Path) -> None:
    found = json.loads((stopped / "run.json").read_text("utf-8"))
    assert found["start"] == {"name": "random weights", "hub": None}
    assert (found["train"]["utterances"], found["valid"]["utterances"]) == (8, 2)
    assert found["train"]["sources"] == ["synthesised"]
    assert found["versions"]["Pytorch"] == [torch.__version__]
    assert (found["precision"], found["devices"], found["steps"]) == ("fp32", 1, 6)


def test_output_that_is_a_file_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(DataError, match="run is a file; --output takes a folder"):
        fit(recipe, data, tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


def test_weights_of_another_shape_than_the_recipe_are_refused(
    recipe: Recipe, data: Path, stopped: Path, tmp_path: Path
) -> None:
    deeper = replace(recipe, model=replace(recipe.model, layers=3, conv_kernel=(20, 8, 8, 8)))
    with pytest.raises(RecipeError) as refused:
        fit(deeper, data, tmp_path / "run", init=stopped / "export")
    message = str(refused.value)
    assert "\n" not in message
    assert "demo-nb does not fit" in message
    assert "model.layers is 3, and 2 in the weights" in message
    assert "model.conv_kernel is [20, 8, 8, 8]" in message
    assert not (tmp_path / "run").exists()


def test_damaged_weights_to_start_from_are_named(
    recipe: Recipe, data: Path, stopped: Path, tmp_path: Path
) -> None:
    init = shutil.copytree(stopped / "export", tmp_path / "init")
    truncate(init / "model.safetensors")
    with pytest.raises(RecipeError, match="starts from weights that are not available") as refused:
        fit(recipe, data, tmp_path / "run", init=init)
    assert "\n" not in str(refused.value)


@pytest.mark.long
def test_training_on_a_full_disk_ends_with_one_line_and_is_resumed_once_there_is_room(
    recipe: Recipe, data: Path, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", pages(1024)) as disk:
        run = disk.folder / "run"

        def fill(progress: Progress) -> None:
            if progress.step == 3:
                disk.fill(leave=pages(30))

        full = r"checkpoint-4 cannot be written: the disk is full; --resume .* from checkpoint-2"
        with pytest.raises(TrainingError, match=full):
            fit(recipe, data, run, report=fill)
        assert not list(run.glob("unfinished-*"))
        disk.empty()
        fit(recipe, data, run, resume=True)
        assert same(weights(whole, 6), weights(run, 6))
