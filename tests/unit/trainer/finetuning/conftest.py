"""Recordings with a tone for every letter, and a model small enough to train on them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from demo_model import tiny_shape
from letter_tones import waveform

from trainer.export import export_model
from trainer.model import random_model

Speak = Callable[..., Path]


@pytest.fixture(scope="session")
def speak() -> Speak:
    """Writes a recording of texts, one after another, and returns its path."""

    def write(path: Path, *texts: str, rate: int = 16000) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = np.concatenate([waveform(text) for text in texts])
        soundfile.write(path, wave[:: 16000 // rate], rate)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of a few thousand weights, called `tiny`, of no language."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    export_model(random_model(tiny_shape(), seed=1), folder)
    return folder
