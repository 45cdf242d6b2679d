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
from students import student
from typer.testing import CliRunner

from trainer.cli import app
from trainer.data import read_split
from trainer.data.unlabelled import write_unlabelled
from trainer.errors import DataError, TrainingError
from trainer.export import export_model
from trainer.model import TOKENS, random_model
from trainer.recipe import Recipe
from trainer.training import fit
from trainer.training.batches import collate
from trainer.training.distillation import DistillationObjective
from trainer.training.framing import Framing
from trainer.training.kept_emissions import KeptEmissions
from trainer.training.network import CtcNetwork
from trainer.training.teacher import Teacher, load_teacher

CPU = torch.device("cpu")


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
@pytest.mark.parametrize("precompute", [False, True])
def test_resumed_distillation_ends_with_the_weights_of_one_that_was_not_stopped(
    recipe: Recipe, teacher: Path, unlabelled: Path, tmp_path: Path, precompute: bool
) -> None:
    small = student(recipe, steps=4, precompute=precompute)
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
    heavier = student(recipe, steps=4, ctc_weight=1.0, temperature=2.0)
    with pytest.raises(
        TrainingError,
        match=r"distillation\.ctc_weight was 0\.3, and is 1\.0; "
        r"distillation\.temperature was 1\.0, and is 2\.0",
    ):
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


def test_divergence_is_that_of_emissions_softened_by_the_temperature(
    recipe: Recipe, teacher: Path, data: Path
) -> None:
    known = load_teacher(teacher, CPU)
    batch = collate(read_split(data, "train"), [0, 3], known.framing)
    theirs = known.network(batch.waveforms, batch.frames)
    logits = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(3))
    objective = DistillationObjective(
        known, 0, 0.0, from_texts=False, precision="fp32", temperature=2.0
    )
    for row, loss in enumerate(objective.losses(logits, batch)):
        real = slice(int(batch.frames[row]))
        expected = torch.nn.functional.kl_div(
            (logits[row, real] / 2).log_softmax(-1),
            (theirs[row, real] / 2).softmax(-1),
            reduction="sum",
        )
        assert float(loss) == pytest.approx(4 * float(expected), rel=1e-4)


@pytest.mark.long
def test_texts_of_the_data_are_not_read_where_the_teacher_is_to_read(
    recipe: Recipe, teacher: Path, data: Path, unlabelled: Path, tmp_path: Path
) -> None:
    losses: dict[str, float] = {}

    def first_loss(name: str, folder: Path, texts: str) -> float:
        small = student(recipe, steps=4, ctc_weight=1.0, texts=texts)
        fit(
            small, folder, tmp_path / name, teacher=teacher, max_steps=1,
            report=lambda progress: losses.setdefault(name, progress.loss),
        )  # fmt: skip
        return losses[name]

    without = first_loss("without", unlabelled, "data")
    assert first_loss("unread", data, "teacher") == without
    assert first_loss("read", data, "data") != without


def test_losses_by_kept_emissions_are_those_by_the_teacher(
    recipe: Recipe, teacher: Path, data: Path, tmp_path: Path
) -> None:
    known, records = load_teacher(teacher, CPU), read_split(data, "train")
    kept = KeptEmissions.of(teacher, records, tmp_path)
    batch = collate(records, [0, 3, 5], known.framing)
    logits = torch.randn(
        3, int(batch.frames.max()), len(TOKENS), generator=torch.Generator().manual_seed(3)
    )
    losses = [
        DistillationObjective(
            known, 0, 1.0, from_texts=False, precision="fp32", kept=emissions
        ).losses(logits, batch)
        for emissions in (None, kept)
    ]
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-2)


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
