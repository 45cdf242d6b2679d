"""Channels are mixed to one, in any number and order; where they cancel, the loudest is used."""

import io

import av
import numpy as np
import pytest
import soundfile
from audio_samples import chirp, encode_packed, likeness, pcm16, spread, wav

from app.audio import SAMPLE_RATE, AudioLimits, Recording, decode_audio
from app.audio.blocks import Mixer
from app.errors import AudioError

LIMITS = AudioLimits(max_seconds=600)


def decoded(data: bytes, **limits: int) -> Recording:
    return decode_audio(io.BytesIO(data), limits=AudioLimits(max_seconds=600, **limits))


@pytest.mark.parametrize(
    ("container", "codec", "layout"),
    [
        ("ogg", "libopus", "7.1"),
        ("ogg", "libopus", "5.1"),
        ("ipod", "aac", "7.1"),
        ("ipod", "aac", "5.1"),
        ("matroska", "aac", "7.1"),
        ("matroska", "flac", "7.1"),
        ("mov", "pcm_s16le", "7.1"),
        ("mov", "pcm_s24le", "7.1"),
        ("caf", "pcm_s16le", "7.1"),
        ("caf", "pcm_f32le", "hexadecagonal"),
        ("matroska", "pcm_s16le", "hexadecagonal"),
        ("matroska", "pcm_s24le", "22.2"),
        ("wav", "pcm_s16le", "22.2"),
        ("wv", "wavpack", "7.1"),
        ("tta", "tta", "7.1"),
    ],
)
def test_eight_or_more_channels_are_decoded(container: str, codec: str, layout: str) -> None:
    recording = decoded(encode_packed(container, codec, layout))
    assert likeness(recording, 1.0) > 0.99
    assert recording.duration == pytest.approx(1.0, abs=0.06)
    assert recording.info is not None
    assert recording.info.tracks[0].channels == av.AudioLayout(layout).nb_channels


def test_custom_channel_order_is_decoded() -> None:
    """QuickTime describes each channel where no name fits; FFmpeg calls such an order custom."""
    data = bytearray(encode_packed("mov", "pcm_s16le", "7.1"))
    at = data.index(b"chan") + 8
    # Tag 126 << 16 | 8, "MPEG_7_1_A": left and right centre, which FFmpeg's own 7.1 has not.
    data[at : at + 4] = (126 << 16 | 8).to_bytes(4, "big")
    for _ in range(20):
        assert likeness(decoded(bytes(data)), 1.0) > 0.99


@pytest.mark.parametrize("channels", [1, 2, 3, 7, 8, 9, 16, 33, 64])
@pytest.mark.parametrize("container", ["WAV", "CAF"])
def test_every_channel_count_up_to_the_limit_is_decoded(container: str, channels: int) -> None:
    buffer = io.BytesIO()
    frames = spread(0.5 * chirp(1.0, 16_000), channels)
    soundfile.write(buffer, frames, 16_000, format=container, subtype="PCM_16")
    assert likeness(decoded(buffer.getvalue()), 1.0) > 0.99


@pytest.mark.parametrize("container", ["WAV", "CAF"])
def test_channel_limit_is_configurable(container: str) -> None:
    buffer = io.BytesIO()
    frames = spread(chirp(0.1, 16_000), 9)
    soundfile.write(buffer, frames, 16_000, format=container, subtype="PCM_16")
    with pytest.raises(AudioError, match=r"9 channels .* between 1 and 8"):
        decoded(buffer.getvalue(), max_channels=8)


def opposed(seconds: float, rate: int, gain: float = 1.0) -> np.ndarray:
    left = chirp(seconds, rate)
    return np.stack([left, -gain * left], axis=1)


@pytest.mark.parametrize("gain", [1.0, 0.8])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_cancelling_channels_are_not_averaged(rate: int, gain: float) -> None:
    recording = decoded(wav(pcm16(opposed(1.0, rate, gain)), rate=rate, channels=2))
    assert likeness(recording, 1.0) > 0.999
    assert recording.peak == pytest.approx(0.4, rel=0.02)


def test_cancelling_channels_of_a_compressed_file_are_not_averaged() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, opposed(1.0, 48_000), 48_000, format="OGG", subtype="VORBIS")
    assert likeness(decoded(buffer.getvalue()), 1.0) > 0.98


def test_uncorrelated_channels_are_averaged() -> None:
    """Two people with a microphone each: both must be kept."""
    noise = np.random.default_rng(1).normal(0, 0.1, (SAMPLE_RATE, 2)).astype(np.float32)
    recording = decoded(wav(pcm16(noise), channels=2))
    np.testing.assert_allclose(recording.slice(0, recording.samples), noise.mean(axis=1), atol=1e-4)


def test_change_of_channel_is_cross_faded() -> None:
    """A second of cancelling channels in the midst of equal ones: no step in the signal."""
    rate = SAMPLE_RATE
    tone = (0.4 * np.sin(2 * np.pi * 200 * np.arange(3 * rate) / rate)).astype(np.float32)
    frames = np.stack([tone, tone], axis=1)
    frames[rate : 2 * rate, 1] *= -1
    mixed = Mixer().mix(frames)
    steepest = 0.4 * 2 * np.pi * 200 / rate
    inner = np.abs(np.diff(mixed))
    # The input itself jumps on one channel where it turns over.
    inner[rate - 2 : rate + 2] = inner[2 * rate - 2 : 2 * rate + 2] = 0
    assert inner.max() <= 1.2 * steepest
    assert np.abs(mixed[int(1.6 * rate) : int(1.9 * rate)]).max() == pytest.approx(0.4, rel=0.01)


@pytest.mark.parametrize("size", [100, 1_024, 5_000])
def test_mix_does_not_depend_on_block_size(size: int) -> None:
    frames = opposed(1.0, 16_000)
    mixer = Mixer()
    parts = [mixer.mix(frames[start : start + size]) for start in range(0, len(frames), size)]
    np.testing.assert_allclose(np.concatenate(parts), frames[:, 0], atol=1e-6)
