"""What every test may use: sample files of every format, tiny checkpoints, and short sounds."""

import os
from collections.abc import Callable
from pathlib import Path

# Before torch comes in: threads that spin while they wait take the cores from other processes,
# which makes small models tens of times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest
from audio_samples import Sample, write_refused, write_samples
from sounds import as_wav, tones
from tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="session")
def audio_samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """One second of a chirp in every accepted format, by the format's name."""
    return write_samples(tmp_path_factory.mktemp("audio"))


@pytest.fixture(scope="session")
def refused_audio(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file for each kind of refusal, by its name."""
    return write_refused(tmp_path_factory.mktemp("refused"))


@pytest.fixture(scope="session")
def clip() -> Callable[..., bytes]:
    """Makes a WAV: `clip(seed)` or `clip(seed, seconds)`."""

    def make(seed: int = 0, seconds: float = 1.5) -> bytes:
        return as_wav(tones(seed, seconds))

    return make


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two tiny models: `tiny-nb` and `tiny-da`, each for its language."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        "tiny-nb": write_tiny_checkpoint(folder / "tiny-nb", languages=("nb",), seed=0),
        "tiny-da": write_tiny_checkpoint(folder / "tiny-da", languages=("da",), seed=1),
    }
