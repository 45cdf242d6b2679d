"""Our forward pass of Silero's network, against the model that the package ships."""

import numpy as np
import pytest
import soundfile
import torch
from demo_model import DEMO

from app.streaming import find_vad_model
from app.streaming.vad import CHUNK_SAMPLES, VadModel, VoiceActivityDetector


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A sample, and noise and silence after it: whole chunks."""
    samples, _ = soundfile.read(DEMO / "samples" / "sample-1.flac", dtype="float32")
    noise = np.random.default_rng(0).normal(0, 0.05, 16_000).astype(np.float32)
    joined = np.concatenate([samples, noise, np.zeros(16_000, np.float32)])
    return joined[: len(joined) // CHUNK_SAMPLES * CHUNK_SAMPLES]


@pytest.fixture(scope="module")
def model() -> VadModel:
    return VadModel.load(find_vad_model())


def test_probabilities_are_those_of_the_packaged_model(speech: np.ndarray, model: VadModel) -> None:
    # Not by importing the package: that sets torch to one thread for the whole process.
    packaged = torch.jit.load(find_vad_model())
    with torch.no_grad():
        expected = [
            packaged(torch.from_numpy(chunk)[None], 16_000).item()
            for chunk in speech.reshape(-1, CHUNK_SAMPLES)
        ]
    ours = VoiceActivityDetector(model).probabilities(speech)
    assert ours == pytest.approx(expected, abs=1e-3)
    assert max(ours) > 0.9
    assert min(ours) < 0.1


def test_pieces_give_the_probabilities_of_the_whole(speech: np.ndarray, model: VadModel) -> None:
    whole = VoiceActivityDetector(model).probabilities(speech)
    piecewise = VoiceActivityDetector(model)
    found: list[float] = []
    for start in range(0, len(speech), 3 * CHUNK_SAMPLES):
        found += piecewise.probabilities(speech[start : start + 3 * CHUNK_SAMPLES])
    assert found == pytest.approx(whole, abs=1e-5)


def test_detectors_of_two_streams_are_independent(speech: np.ndarray, model: VadModel) -> None:
    one, other = VoiceActivityDetector(model), VoiceActivityDetector(model)
    one.probabilities(speech[: 64 * CHUNK_SAMPLES])
    silence = np.zeros(8 * CHUNK_SAMPLES, np.float32)
    assert other.probabilities(silence) == VoiceActivityDetector(model).probabilities(silence)
