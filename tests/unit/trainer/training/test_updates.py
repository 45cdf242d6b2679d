"""Updates do not depend on how they are cut; an update without a finite loss is skipped."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file
from tones import TEXTS, write_speech

from trainer.data import read_split
from trainer.errors import RecipeError, TrainingError
from trainer.model import BLANK, TOKENS, random_model
from trainer.recipe import Recipe
from trainer.training import Progress, fit
from trainer.training.batches import collate
from trainer.training.framing import Framing
from trainer.training.loss import loss_share, resolve_precision, utterance_losses
from trainer.training.network import CtcNetwork
from trainer.training.order import UpdateSize, plan_epoch


@pytest.fixture
def eight(recipe: Recipe) -> Recipe:
    """Updates of all eight utterances, masks and all, but without dropout."""
    model = replace(recipe.model, hidden_dropout=0.0, mask_time_prob=0.3)
    training = replace(
        recipe.training, device_batch=8, batch_seconds=0.0, log_every=1, join_from_step=99, steps=3
    )
    return replace(recipe, model=model, training=training)


def cut(recipe: Recipe, batch: int, accumulation: int) -> Recipe:
    numbers = replace(recipe.training, device_batch=batch, accumulation=accumulation)
    return replace(recipe, training=numbers)


def logged(run: Path, step: int) -> list[tuple[float, float]]:
    """Returns loss and gradient norm of each update."""
    state = json.loads((run / f"checkpoint-{step}/trainer_state.json").read_text())
    return [(row["loss"], row["grad_norm"]) for row in state["log_history"] if "grad_norm" in row]


@pytest.mark.parametrize(("accumulation", "per"), [(2, "token"), (4, "token"), (4, "utterance")])
def test_accumulation_changes_neither_the_loss_nor_the_gradient(
    eight: Recipe, data: Path, tmp_path: Path, accumulation: int, per: Literal["token", "utterance"]
) -> None:
    eight = replace(eight, model=replace(eight.model, loss_per=per))
    fit(eight, data, tmp_path / "whole")
    fit(cut(eight, 8 // accumulation, accumulation), data, tmp_path / "cut")
    whole, parts = logged(tmp_path / "whole", 3), logged(tmp_path / "cut", 3)
    assert len(whole) == 3
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    # From the second update on the rounding of the first has gone through the optimiser.
    for one, other in zip(whole, parts, strict=True):
        assert other == pytest.approx(one, rel=1e-3)


def test_loss_per_utterance_equals_the_mean_reduction_of_torch(recipe: Recipe, data: Path) -> None:
    model = random_model(recipe.model, seed=1)
    batch = collate(read_split(data, "train"), [0, 1, 5], Framing.of(model.config))
    network = CtcNetwork(model, torch.device("cpu")).eval()
    logits = network(batch.waveforms, batch.frames).detach()
    losses = utterance_losses(logits, batch, blank=TOKENS.index(BLANK), zero_infinity=False)
    share, size = loss_share(batch, "utterance")
    expected = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        batch.targets,
        batch.frames,
        batch.target_lengths,
        blank=TOKENS.index(BLANK),
    )
    assert ((losses * share).sum() / size).item() == pytest.approx(expected.item(), rel=1e-5)


def test_update_with_a_non_finite_loss_is_skipped_and_its_utterance_named(
    recipe: Recipe, tmp_path: Path
) -> None:
    data = write_speech(tmp_path / "data")
    lines = (data / "train.jsonl").read_text(encoding="utf-8").splitlines()
    broken = json.loads(lines[3]) | {"text": "altfor mange ord for så kort en lyd " * 3}
    lines[3] = json.dumps(broken)
    (data / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = replace(recipe.model, zero_infinity=False)
    messages: list[str] = []
    steps: list[int] = []
    trained = fit(
        replace(recipe, model=model),
        data,
        tmp_path / "run",
        warn=messages.append,
        report=lambda progress: steps.append(progress.step),
    )
    assert any("train/3 'altfor mange ord" in line and "left out" in line for line in messages)
    assert not any("train/2" in line for line in messages)
    assert max(steps) == 6
    assert all(bool(value.isfinite().all()) for value in trained.parameters())


def test_training_that_skips_every_update_ends_with_advice(recipe: Recipe, tmp_path: Path) -> None:
    texts = TEXTS | {"train": ("hei",) * 4}
    data = write_speech(tmp_path / "data", texts)
    for line in (manifest := data / "train.jsonl").read_text().splitlines():
        assert "hei" in line
    manifest.write_text(manifest.read_text().replace("hei", "altfor mye tekst til " * 5))
    endless = replace(
        recipe,
        model=replace(recipe.model, zero_infinity=False),
        training=replace(recipe.training, steps=100, evaluate_every=100),
    )
    with pytest.raises(TrainingError, match="learning_rate"):
        fit(endless, data, tmp_path / "run")


def test_signal_saves_checkpoint_and_ends_training(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    fit(recipe, data, tmp_path / "whole")

    def interrupt(progress: Progress) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    fit(recipe, data, tmp_path / "parts", report=interrupt)
    assert (tmp_path / "parts/checkpoint-3").is_dir() or (tmp_path / "parts/checkpoint-4").is_dir()
    assert not (tmp_path / "parts/checkpoint-6").exists()
    fit(recipe, data, tmp_path / "parts", resume=True)
    ends = [
        load_file(tmp_path / run / "checkpoint-6/model.safetensors") for run in ("whole", "parts")
    ]
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), name


def test_early_stopping_waits_for_patience_and_minimum_updates(
    recipe: Recipe, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.training.trainer.EARLIEST_STOP", 4)
    numbers = replace(
        recipe.training, evaluate_every=1, early_stop_evaluations=2, learning_rate=1e-9
    )
    fit(replace(recipe, training=numbers), data, tmp_path)
    rows = (tmp_path / "training_log.csv").read_text().split()[1:]
    assert [row.split(",")[2] for row in rows] == ["1", "2", "3", "4"]
    fit(replace(recipe, training=numbers), data, tmp_path, resume=True)
    assert not (tmp_path / "checkpoint-5").exists()


def test_precision_follows_the_device() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert resolve_precision("auto", cuda) == "fp16"
    assert resolve_precision("auto", cpu) in {"bf16", "fp32"}
    assert resolve_precision("fp32", cpu) == "fp32"
    with pytest.raises(RecipeError, match="CUDA"):
        resolve_precision("fp16", cpu)


def test_training_in_bf16_lowers_the_loss(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    numbers = replace(recipe.training, steps=15, decay_steps=1, evaluate_every=15, log_every=5)
    fit(replace(recipe, training=numbers), data, tmp_path, precision="bf16")
    losses = [loss for loss, _ in logged(tmp_path, 15)]
    assert losses[-1] < 0.9 * losses[0]


def test_epoch_drops_less_than_one_update() -> None:
    size = UpdateSize(4, 0.0, accumulation=2)
    for count in (8, 9, 12, 13, 15, 16):
        updates = plan_epoch([1.0] * count, size, seed=1, epoch=0, shortest_first=False)
        # 13 make 4 micro-batches, and so a second update; 9 and 12 make 3.
        assert len(updates) == (2 if count > 12 else 1)
