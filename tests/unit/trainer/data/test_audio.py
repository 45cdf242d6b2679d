"""Audio is decoded to mono at 16 kHz from every format and place, and never partly in silence."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import troubled_handlers

import trainer.data.audio
from app.audio.workers import MediaPool, PoolOptions
from trainer.data.audio import FileAudio
from trainer.errors import DataError


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_tone_keeps_its_pitch_and_level_in_every_format(
    encoded, tmp_path: Path, kind: str, rate: int
) -> None:
    path = tmp_path / "tone"
    path.write_bytes(encoded(1.0, kind=kind, rate=rate, level=0.5))
    audio = FileAudio(path)
    samples = audio.waveform()
    assert samples.dtype == np.float32
    assert audio.seconds() == pytest.approx(len(samples) / 16000, abs=1e-4)
    middle = samples[4000:12000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 16000 / len(middle) == pytest.approx(220, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_channels_are_averaged_to_mono(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    channels = np.stack([np.full(800, 0.5), np.full(800, -0.1)], axis=1)
    soundfile.write(path, channels.astype(np.float32), 16000, subtype="FLOAT")
    np.testing.assert_allclose(FileAudio(path).waveform(), np.full(800, 0.2), rtol=1e-6)


def test_segment_end_may_exceed_audio_only_by_rounding(encoded, tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    path.write_bytes(encoded(2.0))
    assert len(FileAudio(path, 1.75, 2.05).waveform()) == 4000
    with pytest.raises(DataError, match=r"holds 2\.00 s, nothing from 1\.75 to 2\.25 s"):
        FileAudio(path, 1.75, 2.25).waveform()


@pytest.mark.parametrize("kind", ["FLAC", "MP3"])
def test_truncated_training_audio_is_refused(encoded, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cut"
    data = encoded(4.0, kind=kind)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"breaks off|no audio that can be read"):
        FileAudio(path).seconds()


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "W64", "AU", "CAF", "RF64"])
def test_file_that_was_cut_in_half_is_refused(encoded, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cut"
    data = encoded(4.0, kind=kind)
    path.write_bytes(data)
    assert FileAudio(path).seconds() == 4.0
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"cut is cut short: .* bytes that its header declares"):
        FileAudio(path).seconds()


def test_samples_that_are_nan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "nan.wav"
    soundfile.write(path, np.array([0.1, np.nan, 0.1], np.float32), 16000, subtype="FLOAT")
    with pytest.raises(DataError, match="samples that are no numbers"):
        FileAudio(path).waveform()


def test_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0, np.float32), 16000)
    with pytest.raises(DataError, match=r"holds 0\.00 s"):
        FileAudio(path).waveform()


def test_decoder_crash_is_broken_audio_and_other_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = MediaPool(PoolOptions(handlers="troubled_handlers"))
    monkeypatch.setattr(trainer.data.audio, "shared_pool", lambda: pool)
    try:
        bad, good = tmp_path / "bad.wav", tmp_path / "good.wav"
        bad.write_bytes(troubled_handlers.CRASH)
        soundfile.write(good, np.zeros(8_000), 16_000)
        with pytest.raises(DataError, match=r"bad\.wav: The recording cannot be read"):
            FileAudio(bad).seconds()
        assert FileAudio(good).seconds() == 0.5
        assert FileAudio(good, 0.1, 0.35).seconds() == 0.25
    finally:
        pool.close()
