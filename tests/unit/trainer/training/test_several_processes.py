"""Two processes make the updates of one, with the whole model each or a part of it."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from app.acoustic import load_checkpoint
from trainer.errors import RecipeError
from trainer.memory import BatchShape, training_memory
from trainer.model import TOKENS
from trainer.plan import plan
from trainer.recipe import AdaptationRecipe, Recipe, load_recipe
from trainer.sharding import shards
from trainer.training import fit
from trainer.training.restore import read_checkpoint

JOB = """
import os, pickle, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from trainer.errors import TrainingError
from trainer.training import fit
from trainer.training.devices import open_devices
jobs, data, outcome = pickle.loads(Path(sys.argv[1]).read_bytes())
with open_devices() as devices:
    for recipe, output, options in jobs:
        fit(recipe, data, output, **options)
    def refuse():
        raise TrainingError("the first refuses")
    try:
        devices.from_first(refuse)
    except (TrainingError, SystemExit) as error:
        outcome.with_suffix(f".{devices.rank}").write_text(repr(error))
"""
LORA = AdaptationRecipe(keep_vocabulary=True, optimiser="adamw", lora_rank=4, lora_alpha=8.0)
EIGHT_BIT = replace(LORA, optimiser="adamw8bit", lora_rank=0, lora_alpha=0.0)


@pytest.fixture(scope="module")
def eight(recipe: Recipe) -> Recipe:
    """Three updates of all eight utterances, masks and all, but without dropout."""
    model = replace(
        recipe.model, hidden_dropout=0.0, mask_time_prob=0.3, gradient_checkpointing=True
    )
    training = replace(
        recipe.training, device_batch=8, batch_seconds=0.0, log_every=1, join_from_step=99, steps=3
    )
    return replace(recipe, model=model, training=training)


@pytest.fixture(scope="module")
def runs(
    recipe: Recipe, eight: Recipe, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Each kind of training on one process, and on two; of `shared` both have the whole model.

    `begun` ends after two updates of one process, and two continue it; `left` is the other way
    round, and is continued by the test.
    """
    folder = tmp_path_factory.mktemp("runs")
    fit(eight, data, folder / "one")
    started = replace(
        eight.model, init=str(folder / "one/export"), freeze_feature_encoder=True, layerdrop=0.0
    )
    lora, eight_bit = (
        replace(eight, model=started, adaptation=adaptation) for adaptation in (LORA, EIGHT_BIT)
    )
    teacher = folder / "one/export"
    fit(eight, data, folder / "student-one", teacher=teacher)
    fit(lora, data, folder / "lora-one")
    fit(eight_bit, data, folder / "eight-bit-one")
    fit(eight_bit, data, folder / "begun", max_steps=2)
    # Batches by seconds, so that one process has fewer than the other; layers are left out.
    uneven = replace(
        recipe,
        model=replace(recipe.model, layerdrop=0.5),
        training=replace(recipe.training, accumulation=3, average_checkpoints=2, steps=6),
    )
    divided: list[tuple[Recipe, Path, dict[str, Any]]] = [
        (eight, folder / "two", {}),
        (eight, folder / "student-two", {"teacher": teacher}),
        (lora, folder / "lora-two", {"max_steps": 2}),
        (lora, folder / "lora-two", {"resume": True}),
        (eight_bit, folder / "eight-bit-two", {}),
        (eight_bit, folder / "begun", {"resume": True}),
        (eight_bit, folder / "left", {"max_steps": 2}),
        (uneven, folder / "uneven", {"measure_start": True}),
    ]
    jobs: list[tuple[Recipe, Path, dict[str, Any]]] = [
        (eight, folder / "shared", {}),
        *((own, run, {"sharding": "full"} | options) for own, run, options in divided),
    ]
    (folder / "job.py").write_text(JOB)
    (folder / "job.pickle").write_bytes(pickle.dumps((jobs, data, folder / "outcome")))
    done = subprocess.run(
        (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         str(folder / "job.py"), str(folder / "job.pickle")),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    fit(eight_bit, data, folder / "left", resume=True)
    return folder


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoint-3/model.safetensors")


def logged(run: Path) -> list[tuple[float, float]]:
    """Returns loss and gradient norm of each update."""
    state = json.loads((run / "checkpoint-3/trainer_state.json").read_text())
    return [(row["loss"], row["grad_norm"]) for row in state["log_history"] if "grad_norm" in row]


def assert_same(one: Path, other: Path, tolerance: float) -> None:
    before, after = weights(one), weights(other)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.allclose(value, after[name], atol=tolerance), name


@pytest.mark.long
@pytest.mark.parametrize(
    ("alone", "together"),
    [("one", "shared"), ("one", "two"), ("student-one", "student-two"), ("lora-one", "lora-two"),
     ("eight-bit-one", "eight-bit-two")],
)  # fmt: skip
def test_two_processes_make_the_updates_of_one(runs: Path, alone: str, together: str) -> None:
    # Sums in another order differ in the last bits, and Adam divides small gradients by themselves.
    assert_same(runs / alone, runs / together, 2e-4)
    figures = [
        [row.split(",") for row in (runs / run / "training_log.csv").read_text().split()[1:]]
        for run in (alone, together)
    ]
    for one, two in zip(*figures, strict=True):
        assert one[1:3] == two[1:3]
        assert float(two[3]) == pytest.approx(float(one[3]), rel=1e-3)
    for one, two in zip(*(logged(runs / run) for run in (alone, together)), strict=True):
        assert two == pytest.approx(one, rel=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("run", ["begun", "left"])
def test_checkpoint_is_resumed_by_another_number_of_processes(runs: Path, run: str) -> None:
    assert_same(runs / "eight-bit-one", runs / run, 2e-4)


@pytest.mark.long
def test_checkpoints_and_export_of_a_divided_training_are_whole(
    runs: Path, eight: Recipe, data: Path
) -> None:
    one, two = (read_checkpoint(runs / name / "checkpoint-3") for name in ("one", "two"))
    for number, state in one.optimizer["state"].items():
        for name, value in state.items():
            assert value.shape == two.optimizer["state"][number][name].shape
    wave = np.random.default_rng(1).standard_normal(16000).astype(np.float32)
    for name in ("two", "lora-two", "eight-bit-two"):
        emissions = load_checkpoint(runs / name / "export").emissions([wave])[0]
        assert emissions.shape[1] == len(TOKENS)
    assert (runs / "lora-two/checkpoint-3/lora.safetensors").is_file()


@pytest.mark.long
def test_processes_with_unlike_batches_and_left_out_layers_stay_in_step(runs: Path) -> None:
    rows = (runs / "uneven/training_log.csv").read_text().split()[1:]
    assert [row.split(",")[2] for row in rows] == ["2", "4", "6"]
    assert (runs / "uneven/export/model.safetensors").is_file()


@pytest.mark.long
def test_failure_of_the_first_device_ends_the_others_without_a_message(runs: Path) -> None:
    assert "the first refuses" in (runs / "outcome.0").read_text()
    assert (runs / "outcome.1").read_text() == "SystemExit(1)"


def test_model_is_not_divided_on_one_device_or_for_adafactor(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="torchrun --nproc-per-node N"):
        fit(recipe, data, tmp_path / "run", sharding="full")
    with pytest.raises(RecipeError, match="accepted: adamw, adamw8bit"):
        shards("adafactor", 2, "full")
    with pytest.raises(RecipeError, match="--devices is that of plan"):
        plan(load_recipe("demo-nb"), sharding="full")


def test_plan_divides_weights_gradients_and_states_among_devices() -> None:
    recipe = load_recipe("wav2vec2-xlsr-1B-NPSC-NN")
    each, divided = (plan(recipe, devices=4, sharding=kind) for kind in ("none", "full"))
    for name in ("weights", "gradients", "optimiser"):
        assert getattr(divided.memory, name) == pytest.approx(getattr(each.memory, name) / 4)
    assert divided.memory.activations == each.memory.activations
    assert each.memory.gathered == 0 < divided.memory.gathered < 2**30
    assert divided.memory.total < 0.65 * each.memory.total
    assert divided.as_dict()["sharding"] == "full"


def test_gathered_memory_counts_every_weight_once_of_a_single_layer() -> None:
    recipe = load_recipe("demo-nb")
    one = replace(recipe.model, layers=1)
    two = replace(recipe.model, layers=2)
    first, second = (
        training_memory(
            model, BatchShape(1, 1.0), half=False, device="cpu", checkpointing=True, shards=2
        )
        for model in (one, two)
    )
    # What lies around the layers does not grow with them, and one layer at a time is fetched.
    assert first.gathered == second.gathered
