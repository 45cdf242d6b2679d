"""A student that learns from the emissions of a teacher, with and without texts."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from demo_model import DEMO
from safetensors.torch import load_file
from tones import TEXTS, write_speech
from typer.testing import CliRunner

from trainer.cli import app
from trainer.data import read_split
from trainer.data.unlabelled import write_unlabelled
from trainer.errors import DataError, TrainingError
from trainer.export import export_model
from trainer.model import TOKENS, random_model
from trainer.recipe import DistillationRecipe, Recipe
from trainer.training import fit
from trainer.training.batches import collate
from trainer.training.distillation import DistillationObjective
from trainer.training.framing import Framing
from trainer.training.network import CtcNetwork
from trainer.training.teacher import Teacher, load_teacher

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model twice as wide as the student, whose head emits letters and blanks."""
    shape = replace(recipe.model, hidden_size=64, layers=3)
    model = random_model(shape, seed=11)
    with torch.no_grad():
        model.lm_head.weight.normal_(std=0.4)
    folder = tmp_path_factory.mktemp("teacher") / "large"
    export_model(model, folder)
    return folder


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of every other test, without their texts."""
    folder = write_speech(tmp_path_factory.mktemp("unlabelled"))
    for split in TEXTS:
        file = folder / f"{split}.jsonl"
        lines = [json.loads(line) | {"text": ""} for line in file.read_text("utf-8").splitlines()]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return folder


def student(recipe: Recipe, *, steps: int, ctc_weight: float = 0.3) -> Recipe:
    model = replace(recipe.model, hidden_dropout=0.0, mask_time_prob=0.0, mask_feature_prob=0.0)
    training = replace(
        recipe.training,
        steps=steps, decay_steps=max(1, steps // 4), learning_rate=3e-3, join_seconds=(0.0,),
        evaluate_every=steps, log_every=steps,
    )  # fmt: skip
    distillation = DistillationRecipe(ctc_weight=ctc_weight)
    return replace(recipe, model=model, training=training, distillation=distillation)


def divergence(run: Path, known: Teacher, data: Path) -> float:
    """Returns the mean divergence of the valid split per frame, of what a run exported."""
    exported = load_teacher(run, CPU)
    records = read_split(data, "valid")
    batch = collate(records, list(range(len(records))), exported.framing)
    objective = DistillationObjective(known, 0, 0.0, from_texts=False, precision="fp32")
    with torch.no_grad():
        logits = exported.network(batch.waveforms, batch.frames)
        return float(objective.losses(logits, batch).sum()) / objective.size(batch)


@pytest.mark.long
def test_student_learns_the_emissions_of_its_teacher_without_texts(
    recipe: Recipe, teacher: Path, unlabelled: Path, tmp_path: Path
) -> None:
    small = student(recipe, steps=60)
    untrained = random_model(small.model, seed=small.seed)
    export_model(untrained, tmp_path / "untrained")
    fit(small, unlabelled, tmp_path / "run", teacher=teacher)
    known = load_teacher(teacher, CPU)
    before = divergence(tmp_path / "untrained", known, unlabelled)
    after = divergence(tmp_path / "run" / "export", known, unlabelled)
    assert after < before / 2
    run = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert run["teacher"]["name"] == "large"
    assert run["teacher"]["ctc_weight"] == 0.3


@pytest.mark.long
def test_resumed_distillation_ends_with_the_weights_of_one_that_was_not_stopped(
    recipe: Recipe, teacher: Path, unlabelled: Path, tmp_path: Path
) -> None:
    small = student(recipe, steps=4)
    fit(small, unlabelled, tmp_path / "whole", teacher=teacher)
    fit(small, unlabelled, tmp_path / "parts", teacher=teacher, max_steps=2)
    fit(small, unlabelled, tmp_path / "parts", teacher=teacher, resume=True)
    whole, parts = (
        load_file(tmp_path / name / "checkpoint-4" / "model.safetensors")
        for name in ("whole", "parts")
    )
    assert all(torch.equal(weight, parts[name]) for name, weight in whole.items())


@pytest.mark.long
def test_resume_with_another_teacher_is_refused(
    recipe: Recipe, teacher: Path, unlabelled: Path, tmp_path: Path
) -> None:
    small = student(recipe, steps=4)
    run = tmp_path / "run"
    fit(small, unlabelled, run, teacher=teacher, max_steps=1)
    export_model(random_model(recipe.model, seed=2), tmp_path / "other")
    with pytest.raises(TrainingError, match="the teacher was large, and is other"):
        fit(small, unlabelled, run, teacher=tmp_path / "other", resume=True)
    with pytest.raises(TrainingError, match="the teacher was large, and is no model"):
        fit(small, unlabelled, run, resume=True)
    heavier = student(recipe, steps=4, ctc_weight=1.0)
    with pytest.raises(TrainingError, match=r"distillation\.ctc_weight was 0\.3, and is 1\.0"):
        fit(heavier, unlabelled, run, teacher=teacher, resume=True)


def test_loss_of_a_student_that_equals_its_teacher_is_its_ctc_loss_alone(
    recipe: Recipe, teacher: Path, data: Path
) -> None:
    known = load_teacher(teacher, CPU)
    records = read_split(data, "train")
    batch = collate(records, [0, 3, 5], known.framing)
    logits = known.network(batch.waveforms, batch.frames)

    def losses(ctc_weight: float, *, from_texts: bool) -> torch.Tensor:
        objective = DistillationObjective(
            known, 0, ctc_weight, from_texts=from_texts, precision="fp32"
        )
        return objective.losses(logits, batch)

    assert losses(0.0, from_texts=True).abs().max() < 1e-3
    read, written = losses(1.0, from_texts=False), losses(1.0, from_texts=True)
    assert (read > 0).all()
    # Texts that the teacher does not read are less probable than those it does.
    assert (written > read).all()


def test_frames_of_the_student_are_compared_with_those_nearest_in_time(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    # As the published models: a receptive field of 400 samples, where that of the demos is 850.
    narrow = replace(
        recipe.model,
        conv_dim=(16,) * 7, conv_kernel=(10, 3, 3, 3, 3, 2, 2), conv_stride=(5, 2, 2, 2, 2, 2, 2),
    )  # fmt: skip
    export_model(random_model(narrow, seed=1), tmp_path / "narrow")
    known = load_teacher(tmp_path / "narrow", CPU)
    wide = CtcNetwork(random_model(recipe.model, seed=2), CPU)
    framing = Framing.of(wide.model.config)
    assert (known.framing.grid.receptive_field, framing.grid.receptive_field) == (400, 850)
    assert known.offset(framing) == 1
    objective = DistillationObjective(known, 1, 0.3, from_texts=False, precision="fp32")
    batch = collate(read_split(data, "train"), [0, 3], framing)
    losses = objective.losses(wide(batch.waveforms, batch.frames), batch)
    assert torch.isfinite(losses).all()
    coarse = replace(recipe.model, conv_stride=(10, 4, 4, 4))
    with pytest.raises(DataError, match=r"frames of 320 samples, and the recipe of 640"):
        known.offset(Framing.of(random_model(coarse, seed=1).config))


def test_recordings_are_cut_into_pieces_and_whole_ones_kept_for_validation(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    for number in range(3):
        soundfile.write(audio / f"{number}.flac", np.zeros(16000 * 5 + 800), 16000)
    (audio / "broken.wav").write_bytes(b"RIFF")
    (audio / "notes.txt").write_text("no audio")
    lines: list[str] = []
    counts = write_unlabelled(
        audio, tmp_path / "data", language="nb", piece_seconds=2.0, min_seconds=0.5,
        notify=lines.append,
    )  # fmt: skip
    assert counts == {"train": 6, "valid": 3}
    assert len(lines) == 2
    assert lines[0].startswith("1 files below")
    assert "broken.wav" in lines[1]
    train, valid = (read_split(tmp_path / "data", split) for split in ("train", "valid"))
    assert not {record.speaker for record in train} & {record.speaker for record in valid}
    assert [record.seconds for record in valid] == pytest.approx([2.0, 2.0, 1.05])
    assert [len(record.audio.waveform()) for record in valid] == [32000, 32000, 16800]


@pytest.mark.long
def test_distill_command_trains_on_recordings_and_its_student_reads(
    tmp_path: Path, make_small: Callable[[str], Path]
) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    for file in DEMO.glob("samples/*.flac"):
        shutil.copy(file, audio)
    command = [
        "distill", "demo-nb", str(make_small("demo-nb")), "--output", str(tmp_path / "run"),
        "--audio", str(audio), "--precision", "fp32", "--json",
    ]  # fmt: skip
    first = CliRunner().invoke(app, [*command, "--max-steps", "2"])
    assert first.exit_code == 0, first.output
    summary = json.loads(first.stdout)
    assert summary["step"] == 2
    assert summary["validation_wer"] is not None
    again = CliRunner().invoke(app, [*command, "--max-steps", "3", "--resume"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["step"] == 3
    assert (tmp_path / "run" / "export" / "model.safetensors").is_file()
    assert load_teacher(tmp_path / "run" / "export", CPU).tokens == TOKENS
    card = CliRunner().invoke(app, ["card", str(tmp_path / "run")])
    assert card.exit_code == 0, card.output
    text = (tmp_path / "run" / "export" / "README.md").read_text("utf-8")
    assert "Distilled from demo-nb" in " ".join(text.split())
