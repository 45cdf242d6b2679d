"""Long audio is read from its file as it was written, within the precision of 16 bits a second."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.recording import Recording
from app.audio.stored import FLOAT_SAMPLES, FileStore, SampleWriter, stored_bytes
from app.errors import AudioError
from app.storage import create_memory_file


class Files:
    """Grants a writer everything that it requests, and records the requests."""

    def __init__(self) -> None:
        self.memory = create_memory_file()
        self.disk = create_memory_file()
        self.requested: list[int] = []

    def grow_in_memory(self, samples: int) -> int:
        self.requested.append(samples)
        return 2 * samples

    def grow_on_disk(self, samples: int) -> tuple[int, int]:
        self.requested.append(samples)
        return self.disk, 2 * samples

    def close(self) -> None:
        os.close(self.memory)
        os.close(self.disk)


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    yield made
    made.close()


def write(files: Files, samples: np.ndarray, block: int) -> Recording:
    writer = SampleWriter(files.memory, 16_000, files)
    for start in range(0, samples.size, block):
        writer.append(samples[start : start + block])
    writer.finish()
    file = files.disk if writer.layout == "blocks" else files.memory
    store = FileStore(file, writer.statistics.count, writer.layout, owned=False)
    return Recording(store, writer.statistics)


def long(samples: np.ndarray) -> np.ndarray:
    """The samples, again and again, for more than ten minutes."""
    return np.resize(samples, FLOAT_SAMPLES + 12_345).astype(np.float32)


def test_up_to_ten_minutes_are_stored_exactly(files: Files) -> None:
    samples = np.random.default_rng(0).standard_normal(FLOAT_SAMPLES).astype(np.float32)
    recording = write(files, samples, 77_777)
    np.testing.assert_array_equal(recording.slice(0, samples.size), samples)
    np.testing.assert_array_equal(recording.slice(100_001, 200_003), samples[100_001:200_003])
    assert os.fstat(files.memory).st_size == stored_bytes(samples.size) == 4 * samples.size
    assert len(files.requested) < 12


def test_longer_16_bit_audio_is_stored_exactly_in_half_the_space(files: Files) -> None:
    drawn = np.random.default_rng(0).integers(-32_768, 32_767, 1_000_003)
    samples = long(drawn / np.float32(32_768))
    recording = write(files, samples, 100_000)
    np.testing.assert_array_equal(recording.slice(0, samples.size), samples)
    for start, stop in [
        (0, 1),
        (15_999, 16_001),
        (123_456, 654_321),
        (samples.size - 5, samples.size),
    ]:
        np.testing.assert_array_equal(recording.slice(start, stop), samples[start:stop])
    assert os.fstat(files.disk).st_size <= stored_bytes(samples.size)
    assert stored_bytes(samples.size) < 2.01 * samples.size
    # What was in memory was given back.
    assert os.fstat(files.memory).st_size == 0


@pytest.mark.parametrize("peak", [1e-4, 1.0, 1e8])
def test_longer_audio_of_any_loudness_keeps_90_db(files: Files, peak: float) -> None:
    noise = np.random.default_rng(0).uniform(-peak, peak, 1_000_003)
    samples = long(noise)
    recording = write(files, samples, 250_000)
    error = recording.slice(0, samples.size).astype(np.float64) - samples
    # Below the loudest of each second, which is nearly `peak` here.
    assert 20 * np.log10(np.sqrt(np.mean(error**2)) / peak) < -90


def test_long_silence_stays_silent(files: Files) -> None:
    recording = write(files, long(np.zeros(1_000)), 500_000)
    assert recording.is_silent
    assert not recording.slice(0, recording.samples).any()


@given(cuts=st.lists(st.integers(1, 60_000), min_size=1, max_size=8), start=st.integers(0, 1_000))
@settings(deadline=None, max_examples=examples(25))
def test_reads_do_not_depend_on_block_boundaries(cuts: list[int], start: int) -> None:
    files = Files()
    samples = np.random.default_rng(start).standard_normal(sum(cuts)).astype(np.float32)
    writer = SampleWriter(files.memory, 1_000, files)
    for block in np.split(samples, np.cumsum(cuts)[:-1]):
        writer.append(block)
    writer.finish()
    store = FileStore(files.memory, samples.size, writer.layout, owned=False)
    begin = min(start, samples.size)
    np.testing.assert_array_equal(store.read(begin, samples.size), samples[begin:])
    files.close()


def test_closed_recording_cannot_be_read(files: Files) -> None:
    recording = write(files, np.ones(100, dtype=np.float32), 100)
    recording.close()
    with pytest.raises(ValueError, match="closed"):
        recording.slice(0, 1)


def test_truncated_file_is_an_error_and_not_silence(files: Files) -> None:
    recording = write(files, np.ones(20_000, dtype=np.float32), 20_000)
    os.ftruncate(files.memory, 1_000)
    with pytest.raises(AudioError, match="shorter"):
        recording.slice(0, 20_000)
