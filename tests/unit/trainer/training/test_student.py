"""A student that starts as layers of its teacher."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from students import student

from trainer.data import read_split
from trainer.errors import RecipeError
from trainer.recipe import Recipe
from trainer.training import fit
from trainer.training.batches import collate
from trainer.training.network import CtcNetwork
from trainer.training.student import student_of
from trainer.training.teacher import load_teacher

CPU = torch.device("cpu")


def begun_from_layers(
    recipe: Recipe, layers: tuple[int, ...], *, inner: int = 32, frozen: bool = True
) -> Recipe:
    """A student as wide as `teacher`, with some of its layers."""
    small = student(recipe, steps=4, teacher_layers=layers)
    model = replace(
        small.model,
        hidden_size=64, layers=len(layers), intermediate_size=inner, freeze_feature_encoder=frozen,
    )  # fmt: skip
    return replace(small, model=model)


def test_student_with_all_layers_of_its_teacher_begins_as_its_equal(
    recipe: Recipe, teacher: Path, data: Path
) -> None:
    known = load_teacher(teacher, CPU)
    whole = begun_from_layers(recipe, (0, 1, 2))
    model, start = student_of(known, whole, (0, 1, 2))
    batch = collate(read_split(data, "train"), [0, 3], known.framing)
    network = CtcNetwork(model.eval(), CPU)
    logits = (one(batch.waveforms, batch.frames) for one in (network, known.network))
    torch.testing.assert_close(*logits)
    assert start.name == "layers 0, 1 and 2 of large"


def test_narrower_student_begins_with_the_strongest_units_of_the_layers_it_takes(
    recipe: Recipe, teacher: Path
) -> None:
    known = load_teacher(teacher, CPU)
    layers = known.network.model.wav2vec2.encoder.layers
    strong = [3, 4, 9, 30]
    with torch.no_grad():
        layers[2].feed_forward.intermediate_dense.weight[strong] *= 100
    model, _ = student_of(known, begun_from_layers(recipe, (0, 2), inner=4), (0, 2))
    first, last = model.wav2vec2.encoder.layers
    for mine, its in ((first, layers[0]), (last, layers[2])):
        assert torch.equal(mine.attention.q_proj.weight, its.attention.q_proj.weight)
    mine, its = last.feed_forward, layers[2].feed_forward
    assert torch.equal(mine.intermediate_dense.weight, its.intermediate_dense.weight[strong])
    assert torch.equal(mine.intermediate_dense.bias, its.intermediate_dense.bias[strong])
    assert torch.equal(mine.output_dense.weight, its.output_dense.weight[:, strong])


def test_front_end_of_another_shape_begins_random_and_must_be_trained(
    recipe: Recipe, teacher: Path
) -> None:
    known = load_teacher(teacher, CPU)
    lines: list[str] = []
    narrow = begun_from_layers(recipe, (0, 2), frozen=False)
    narrow = replace(narrow, model=replace(narrow.model, conv_dim=(8, 8, 16, 16)))
    student_of(known, narrow, (0, 2), lines.append)
    assert lines == ["starting from layers 0 and 2 of large; random: feature_extractor"]
    frozen = replace(narrow, model=replace(narrow.model, freeze_feature_encoder=True))
    with pytest.raises(RecipeError, match=r"freeze_feature_encoder must be false: the front end"):
        student_of(known, frozen, (0, 2))


def test_layers_that_the_teacher_lacks_or_that_do_not_fit_are_refused(
    recipe: Recipe, teacher: Path
) -> None:
    known = load_teacher(teacher, CPU)
    for layers, changes, message in (
        ((0, 3), {}, r"teacher_layers has 3, and its layers are 0 to 2"),
        ((0, 1), {"hidden_size": 32}, r"model\.hidden_size is 32, and 64 in the weights"),
        ((0, 1), {"intermediate_size": 64}, r"intermediate_size is 64, and 32 in its layers"),
    ):
        other = begun_from_layers(recipe, layers)
        other = replace(other, model=replace(other.model, **changes))
        with pytest.raises(RecipeError, match=message):
            student_of(known, other, layers)


@pytest.mark.long
def test_student_of_layers_is_resumed_with_its_frozen_front_end(
    recipe: Recipe, teacher: Path, data: Path, tmp_path: Path
) -> None:
    small = begun_from_layers(recipe, (0, 2), inner=16)
    with pytest.raises(RecipeError, match="`distill` trains it"):
        fit(small, data, tmp_path / "alone")
    fit(small, data, tmp_path / "whole", teacher=teacher)
    fit(small, data, tmp_path / "parts", teacher=teacher, max_steps=2)
    fit(small, data, tmp_path / "parts", teacher=teacher, resume=True)
    weights = [
        load_file(tmp_path / name / "checkpoint-4" / "model.safetensors")
        for name in ("whole", "parts")
    ]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    front = load_file(teacher / "model.safetensors")
    assert all(
        torch.equal(weight.half(), front[name].half())
        for name, weight in weights[0].items()
        if "feature_extractor" in name
    )
    run = json.loads((tmp_path / "parts" / "run.json").read_text("utf-8"))
    assert run["start"]["name"] == "layers 0 and 2 of large"
