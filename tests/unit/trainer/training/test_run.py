"""A training gives the same weights each time, whether or not it is interrupted."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tones import TEXTS

from app.acoustic import load_checkpoint
from app.acoustic.weights import read_weights
from trainer.errors import DataError, RecipeError
from trainer.recipe import Recipe
from trainer.training import LOG_COLUMNS, Progress, fit


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / f"checkpoint-{step}/model.safetensors")


def test_resumed_training_has_the_weights_and_log_of_an_uninterrupted_one(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    whole = fit(recipe, data, tmp_path / "whole")
    for stop in (3, 5):  # both within the stretch of one logged loss
        fit(recipe, data, tmp_path / "parts", max_steps=stop, resume=True)
    parts = fit(recipe, data, tmp_path / "parts", resume=True)
    for (name, one), other in zip(
        whole.state_dict().items(), parts.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name
    logs = [(tmp_path / run / "training_log.csv").read_text() for run in ("whole", "parts")]
    assert logs[0] == logs[1]
    rows = list(csv.DictReader(logs[0].splitlines()))
    assert tuple(rows[0]) == LOG_COLUMNS
    assert [row["step"] for row in rows] == ["2", "4", "6"]


def as_transformers_trainer_wrote_it(checkpoint: Path) -> None:
    """Rewrites a checkpoint as the loop on transformers' Trainer left it, before ours."""
    optimizer = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    for group in optimizer["param_groups"]:
        group["initial_lr"] = 1.0
    torch.save(optimizer, checkpoint / "optimizer.pt")
    rates = [group["lr"] for group in optimizer["param_groups"]]
    step = int(checkpoint.name.partition("-")[2])
    scheduler = {
        "base_lrs": [1.0, 1.0], "last_epoch": step, "_step_count": step + 1, "_is_initial": False,
        "_get_lr_called_within_step": False, "_last_lr": rates, "lr_lambdas": [None, None],
    }  # fmt: skip
    torch.save(scheduler, checkpoint / "scheduler.pt")
    file = checkpoint / "trainer_state.json"
    state = json.loads(file.read_text("utf-8"))
    state |= {
        "best_global_step": None, "best_metric": None, "best_model_checkpoint": None,
        "eval_steps": 500, "is_hyper_param_search": False, "is_local_process_zero": True,
        "is_world_process_zero": True, "logging_steps": 500, "num_input_tokens_seen": 0,
        "num_train_epochs": sys.maxsize, "save_steps": 500, "stateful_callbacks": {},
        "total_flos": 0.0, "train_batch_size": 8, "trial_name": None, "trial_params": None,
    }  # fmt: skip
    file.write_text(json.dumps(state, indent=2, sort_keys=True) + "\n", "utf-8")
    (checkpoint / "checkpoint.sha256").unlink()
    (checkpoint.parent / "run.json").unlink()


def test_checkpoint_of_transformers_trainer_is_resumed_to_the_same_weights(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    whole = fit(recipe, data, tmp_path / "whole").state_dict()
    fit(recipe, data, tmp_path / "old", max_steps=3)
    as_transformers_trainer_wrote_it(tmp_path / "old/checkpoint-3")
    resumed = fit(recipe, data, tmp_path / "old", resume=True).state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    logs = [(tmp_path / run / "training_log.csv").read_text() for run in ("whole", "old")]
    assert logs[0] == logs[1]
    assert not (tmp_path / "old/checkpoint-4/scheduler.pt").exists()


def test_run_killed_during_save_resumes_from_previous_checkpoint(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    fit(recipe, data, tmp_path / "whole", max_steps=4)
    killed = tmp_path / "killed"
    fit(recipe, data, killed, max_steps=2)
    (killed / "unfinished-checkpoint-4").mkdir()
    (killed / "unfinished-checkpoint-4/model.safetensors").write_bytes(b"half")
    (killed / "checkpoint-3").mkdir()
    fit(recipe, data, killed, max_steps=4, resume=True)
    for name, value in weights(tmp_path / "whole", 4).items():
        assert torch.equal(value, weights(killed, 4)[name]), name


def test_existing_run_is_not_overwritten(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    fit(recipe, data, tmp_path, max_steps=1)
    with pytest.raises(DataError, match="--resume"):
        fit(recipe, data, tmp_path)


def test_resuming_a_finished_run_changes_nothing(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    fit(recipe, data, tmp_path)
    before = weights(tmp_path, 6)
    log = (tmp_path / "training_log.csv").read_text()
    again = fit(recipe, data, tmp_path, resume=True).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in before.items())
    assert (tmp_path / "training_log.csv").read_text() == log


def test_last_checkpoints_and_optionally_the_best_are_kept(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    numbers = replace(recipe.training, evaluate_every=1, keep_checkpoints=2, learning_rate=1e-9)
    fit(replace(recipe, training=numbers), data, tmp_path / "last")
    kept = sorted(path.name for path in (tmp_path / "last").glob("checkpoint-*"))
    assert kept == ["checkpoint-5", "checkpoint-6"]
    best = replace(numbers, select="validation")
    # Nothing is learnt at this rate, so no evaluation beats the first.
    fit(replace(recipe, training=best), data, tmp_path / "best")
    kept = sorted(path.name for path in (tmp_path / "best").glob("checkpoint-*"))
    assert kept == ["checkpoint-1", "checkpoint-5", "checkpoint-6"]
    head = read_weights(tmp_path / "best/export")["lm_head.weight"]
    assert torch.equal(head, weights(tmp_path / "best", 1)["lm_head.weight"].half())


def test_export_can_be_the_mean_of_last_checkpoints(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    numbers = replace(recipe.training, keep_checkpoints=3, average_checkpoints=2)
    fit(replace(recipe, training=numbers), data, tmp_path)
    head = read_weights(tmp_path / "export")["lm_head.weight"]
    both = [weights(tmp_path, step)["lm_head.weight"] for step in (4, 6)]
    assert torch.allclose(head.float(), (both[0] + both[1]) / 2, atol=1e-3)
    assert not torch.allclose(head.float(), both[1], atol=1e-4)


def test_better_of_average_and_best_checkpoint_is_selected_by_validation(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    numbers = replace(
        recipe.training,
        keep_checkpoints=3,
        average_checkpoints=2,
        select="validation",
        learning_rate=1e-9,
    )
    fit(replace(recipe, training=numbers), data, tmp_path)
    # At this rate the mean is no better than the first.
    head = read_weights(tmp_path / "export")["lm_head.weight"]
    assert torch.equal(head, weights(tmp_path, 2)["lm_head.weight"].half())


def test_fine_tuning_loads_the_weights_and_initialises_a_head_for_its_letters(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    first = fit(recipe, data, tmp_path / "first", max_steps=2)
    second = replace(
        recipe,
        model=replace(recipe.model, init="nobody/nothing"),
        training=replace(recipe.training, learning_rate=0.0, weight_decay=0.0),
    )
    init = tmp_path / "first/export"
    tuned = fit(second, data, tmp_path / "second", init=init, max_steps=1).state_dict()
    for name, value in first.state_dict().items():
        same = tuned[name].shape == value.shape and torch.allclose(value, tuned[name], atol=1e-3)
        assert same != name.startswith("lm_head"), name
    letters = sorted({letter for text in TEXTS["train"] for letter in text} - {" "})
    expected = ("|", *letters, "[UNK]", "[PAD]", "<s>", "</s>")
    exported = load_checkpoint(tmp_path / "second/export")
    assert exported.vocabulary.tokens == expected
    assert [len(e[0]) for e in exported.emissions([np.zeros(16000, np.float32)])] == [len(expected)]


def test_fine_tuning_with_equal_vocabulary_keeps_the_head(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    first = fit(recipe, data, tmp_path / "first", max_steps=2).state_dict()
    still = replace(recipe, training=replace(recipe.training, learning_rate=0.0, weight_decay=0.0))
    init = tmp_path / "first/export"
    tuned = fit(still, data, tmp_path / "second", init=init, max_steps=1).state_dict()
    assert torch.allclose(first["lm_head.weight"], tuned["lm_head.weight"], atol=1e-3)


def test_unavailable_weights_are_reported(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    gone = replace(
        recipe,
        model=replace(recipe.model, init=str(tmp_path / "one"), fallbacks=(str(tmp_path / "two"),)),
    )
    with pytest.raises(RecipeError, match=r"one.*two.*--init"):
        fit(gone, data, tmp_path / "run")


def test_training_lowers_the_loss(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    numbers = replace(recipe.training, steps=15, decay_steps=1, evaluate_every=15, log_every=15)
    losses: list[float] = []

    def note(progress: Progress) -> None:
        if not progress.validation:
            losses.append(progress.loss)

    fit(replace(recipe, training=numbers), data, tmp_path, report=note)
    assert len(losses) == 15
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])
