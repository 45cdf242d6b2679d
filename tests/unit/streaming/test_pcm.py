"""Raw PCM in pieces of any size is the same audio as in one."""

import io

import numpy as np
import pytest
import soundfile
import soxr
from sounds import tones

from app.errors import AudioError, InvalidRequestError
from app.streaming import PcmInput

SUBTYPES = {"s16le": "PCM_16", "f32le": "FLOAT", "mulaw": "ULAW", "alaw": "ALAW"}


def written(samples: np.ndarray, rate: int, encoding: str) -> bytes:
    """Headerless bytes, by libsndfile."""
    buffer = io.BytesIO()
    soundfile.write(
        buffer, samples, rate, format="RAW", subtype=SUBTYPES[encoding], endian="LITTLE"
    )
    return buffer.getvalue()


def read(data: bytes, rate: int, encoding: str, channels: int = 1) -> np.ndarray:
    """The same bytes, by libsndfile."""
    samples, _ = soundfile.read(
        io.BytesIO(data), dtype="float32", format="RAW", subtype=SUBTYPES[encoding],
        samplerate=rate, channels=channels, endian="LITTLE",
    )  # fmt: skip
    return samples


def fed(pcm: PcmInput, data: bytes, size: int) -> np.ndarray:
    pieces = [pcm.feed(data[start : start + size]) for start in range(0, len(data), size)]
    return np.concatenate([*pieces, pcm.flush()])


@pytest.mark.parametrize("encoding", SUBTYPES)
@pytest.mark.parametrize("size", [1, 7, 640, 10**6])
def test_every_encoding_is_decoded_like_libsndfile(encoding: str, size: int) -> None:
    data = written(tones(1, 0.2), 16_000, encoding)
    assert np.array_equal(fed(PcmInput(encoding, 16_000), data, size), read(data, 16_000, encoding))


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_pieces_of_any_rate_are_resampled_like_the_whole(rate: int) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)
    decoded = fed(PcmInput("f32le", rate), written(tone, rate, "f32le"), 1234)
    whole = soxr.resample(tone, rate, 16_000)
    assert abs(len(decoded) - 16_000) <= 1
    assert np.abs(decoded[500:15_500] - whole[500:15_500]).max() < 1e-3


def test_channels_are_averaged() -> None:
    left, right = tones(1, 0.1), tones(2, 0.1)
    data = np.stack([left, right], axis=1).astype("<f4").tobytes()
    assert fed(PcmInput("f32le", 16_000, 2), data, 333) == pytest.approx((left + right) / 2)


def test_audio_after_a_flush_is_resampled() -> None:
    pcm = PcmInput("s16le", 8_000)
    data = written(tones(1, 0.5), 8_000, "s16le")
    assert len(fed(pcm, data, 800)) == pytest.approx(16_000, abs=2)
    assert len(fed(pcm, data, 800)) == pytest.approx(16_000, abs=2)


def test_flush_drops_an_unfinished_frame() -> None:
    pcm = PcmInput("s16le", 16_000)
    assert len(pcm.feed(b"\x01\x02\x03")) == 1
    assert len(pcm.flush()) == 0
    assert np.array_equal(pcm.feed(b"\x00\x40"), np.array([0.5], np.float32))


@pytest.mark.parametrize(
    ("settings", "param"),
    [(("mp3", 16_000, 1), "encoding"), (("s16le", 10, 1), None), (("s16le", 16_000, 0), None)],
)
def test_other_settings_are_refused(settings: tuple[str, int, int], param: str | None) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        PcmInput(*settings)
    assert refused.value.param == param


def test_samples_that_are_not_finite_are_refused() -> None:
    with pytest.raises(AudioError, match="finite"):
        PcmInput("f32le").feed(np.array([0.1, np.nan], "<f4").tobytes())
