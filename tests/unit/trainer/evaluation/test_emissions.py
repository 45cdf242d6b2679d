"""Emissions of records: their order, the cache, and when they are computed again."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_tiny_checkpoint

from app.acoustic import load_checkpoint
from app.audio import plan_windows, stitch
from trainer.data.record import Record, Waveform
from trainer.evaluation import compute_emissions


@dataclass
class Noise:
    """Audio that counts how often it was read."""

    seconds: float
    seed: int
    decoded: int = 0

    def waveform(self) -> Waveform:
        self.decoded += 1
        samples = round(self.seconds * 16000)
        return np.random.default_rng(self.seed).standard_normal(samples, dtype=np.float32) * 0.1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny", languages=(), seed=1)


def records(*seconds: float, seed: int = 0) -> list[Record]:
    return [
        Record(Noise(length, seed + number), f"ord {number}", "nb", "test", "a", length)
        for number, length in enumerate(seconds)
    ]


def test_emissions_do_not_depend_on_other_records_of_the_batch(model: Path) -> None:
    spoken = records(0.5, 24.0, 1.0, 20.0)
    encoder = load_checkpoint(model)
    for record, emitted in zip(spoken, compute_emissions(model, spoken), strict=True):
        assert (emitted.text, emitted.seconds) == (record.text, record.seconds)
        alone = encoder.emissions([record.audio.waveform()])[0]
        np.testing.assert_allclose(emitted.emissions, alone, atol=2e-4)


def test_long_recording_is_encoded_in_the_windows_of_the_service(model: Path) -> None:
    (record,) = records(70.0)
    (emitted,) = compute_emissions(model, [record])
    encoder = load_checkpoint(model)
    prepared = encoder.prepare(record.audio.waveform())
    windows = plan_windows(
        len(prepared), window=24 * 16000, context=2 * 16000,
        hop=encoder.hop, receptive_field=encoder.receptive_field,
    )  # fmt: skip
    parts = encoder.encode([prepared[cut.start : cut.stop] for cut in windows])
    assert len(windows) > 1
    assert len(emitted.emissions) == encoder.frames(len(prepared))
    np.testing.assert_allclose(emitted.emissions, stitch(windows, parts), atol=2e-4)


def test_audio_too_short_for_a_frame_has_no_frames(model: Path) -> None:
    (emitted, _) = compute_emissions(model, records(0.01, 0.5))
    assert emitted.emissions.shape == (0, 32)


def test_emission_cache_is_used_only_for_equal_speech(model: Path, tmp_path: Path) -> None:
    first = compute_emissions(model, records(0.5, 0.2, 1.0), cache=tmp_path)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    again = compute_emissions(model, records(0.5, 0.2, 1.0), cache=tmp_path)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.emissions, other.emissions)
        assert replace(one, emissions=other.emissions) == other
    assert [(path, path.stat().st_mtime_ns) for path in tmp_path.iterdir()] == [(file, written)]
    other_audio = compute_emissions(model, records(0.5, 0.2, 1.0, seed=9), cache=tmp_path)
    assert not np.array_equal(other_audio[0].emissions, first[0].emissions)
    assert len(list(tmp_path.iterdir())) == 2
