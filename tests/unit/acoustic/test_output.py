"""Emissions for unusual audio, and for weights that overflow."""

from pathlib import Path

import numpy as np
import pytest
import torch
from acoustic_kernels import CPU, kernels_here, model_on
from checkpoints import write_checkpoint
from safetensors.torch import load_file, save_file

from app.acoustic import load_checkpoint
from app.acoustic.kernels import TorchKernels
from app.errors import AudioError, EncodingError

MAKERS = kernels_here()[0] | {"torch float16": lambda: TorchKernels(CPU, torch.float16)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder)
    return folder


@pytest.mark.parametrize("kernels", MAKERS)
def test_silence_gives_finite_emissions(folder, kernels):
    model = model_on(folder, MAKERS[kernels]())
    (emissions,) = model.emissions([np.zeros(16_000, np.float32)])
    assert np.isfinite(emissions).all()
    np.testing.assert_allclose(np.exp(emissions).sum(axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("kernels", MAKERS)
def test_same_audio_gives_the_same_emissions_twice(folder, kernels):
    model = model_on(folder, MAKERS[kernels]())
    waveform = np.random.default_rng(1).standard_normal(12_345).astype(np.float32)
    np.testing.assert_array_equal(model.emissions([waveform])[0], model.emissions([waveform])[0])


def test_too_short_waveform_is_refused_with_the_minimum_length(folder):
    model = load_checkpoint(folder)
    with pytest.raises(AudioError, match=r"has 399 samples.*has 400"):
        model.emissions([np.zeros(399, np.float32)])
    assert model.frames(399) == 0
    assert model.frames(400) == 1
    assert model.frames(720) == 2


@pytest.mark.parametrize("kernels", MAKERS)
@pytest.mark.parametrize("spoilt", ["lm_head.bias", "wav2vec2.encoder.layer_norm.weight"])
def test_output_that_is_not_finite_is_an_error(folder, tmp_path, kernels, spoilt):
    weights = load_file(folder / "model.safetensors")
    weights[spoilt][3] = float("nan")
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(EncodingError, match="not finite"):
        model_on(tmp_path, MAKERS[kernels]()).emissions([np.ones(800, np.float32)])
