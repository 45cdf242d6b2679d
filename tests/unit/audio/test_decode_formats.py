"""Each accepted format decodes to the encoded sound, at 16 kHz mono."""

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_samples import (
    DELAY_SECONDS,
    FORMATS,
    Sample,
    chirp,
    encode,
    encode_pyav,
    likeness,
    make,
    pcm16,
    spread,
    wav,
)

from app.audio import SAMPLE_RATE, AudioLimits, DecodeOptions, RawFormat, Recording, decode_audio
from app.errors import InvalidRequestError

LIMITS = AudioLimits(max_seconds=600)


def decoded(data: bytes, raw: RawFormat | None = None) -> Recording:
    return decode_audio(io.BytesIO(data), options=DecodeOptions(raw), limits=LIMITS)


@pytest.mark.parametrize("name", FORMATS)
def test_format_decodes_to_the_encoded_sound(name: str, audio_samples: dict[str, Sample]) -> None:
    sample = audio_samples[name]
    recording = decode_audio(sample.path, limits=LIMITS)
    assert recording.duration == pytest.approx(sample.seconds, abs=DELAY_SECONDS)
    assert likeness(recording, sample.seconds) >= sample.format.fidelity


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("name", ["wav-s16", "flac", "m4a-aac"])
def test_any_rate_and_channel_count_becomes_16_khz_mono(
    name: str, rate: int, channels: int
) -> None:
    form = replace(FORMATS[name], rate=rate, channels=channels)
    encoder = encode_pyav if name == "m4a-aac" else encode_lossless
    recording = decoded(encoder(form, spread(chirp(1.0, rate), channels)))
    # AAC pads its last two frames of 1,024 samples.
    padding = 2_048 / rate if name == "m4a-aac" else 1 / SAMPLE_RATE
    assert 1.0 - 1 / SAMPLE_RATE <= recording.duration <= 1.0 + padding
    assert likeness(recording, 1.0) >= form.fidelity
    if name != "m4a-aac":
        assert recording.peak == pytest.approx(0.4, rel=0.01)


def encode_lossless(form: object, frames: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, frames, form.rate, format=form.container, subtype=form.codec)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["mp3", "ogg-opus", "ogg-vorbis"])
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_lossy_stream_at_any_rate_decodes_to_the_encoded_sound(name: str, rate: int) -> None:
    form = replace(FORMATS[name], rate=rate, channels=1)
    samples = chirp(1.0, rate)[:, None]
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", rate, 1, form.codec, format=form.container) as file:
        for start in range(0, len(samples), 4_096):
            file.write(samples[start : start + 4_096])
    recording = decoded(buffer.getvalue())
    assert recording.duration == pytest.approx(1.0, abs=DELAY_SECONDS)
    assert likeness(recording, 1.0) >= 0.98


@pytest.mark.parametrize("name", ["wav-s16", "flac", "m4a-aac", "ogg-opus", "mp3"])
def test_source_may_be_bytes_a_spooled_file_or_a_path(
    name: str, audio_samples: dict[str, Sample]
) -> None:
    path = audio_samples[name].path
    from_path = decode_audio(path, limits=LIMITS)
    with tempfile.SpooledTemporaryFile(max_size=1_024) as spooled:
        spooled.write(path.read_bytes())
        from_spooled = decode_audio(spooled, limits=LIMITS)
        assert not spooled.closed
    from_bytes = decoded(path.read_bytes())
    everything = from_path.slice(0, from_path.samples)
    for other in (from_spooled, from_bytes):
        np.testing.assert_array_equal(other.slice(0, other.samples), everything)


def test_file_name_is_ignored(tmp_path: Path) -> None:
    misnamed = tmp_path / "speech.wav"
    misnamed.write_bytes(make("flac"))
    assert likeness(decode_audio(misnamed, limits=LIMITS), 1.0) > 0.999


@pytest.mark.parametrize(
    ("encoding", "subtype"),
    [("s16le", "PCM_16"), ("f32le", "FLOAT"), ("mulaw", "ULAW"), ("alaw", "ALAW")],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_raw_pcm_decodes_at_its_declared_rate(encoding: str, subtype: str, channels: int) -> None:
    buffer = io.BytesIO()
    frames = spread(chirp(1.0, 8_000), channels)
    soundfile.write(buffer, frames, 8_000, format="RAW", subtype=subtype, endian="LITTLE")
    raw = RawFormat(rate=8_000, encoding=encoding, channels=channels)
    recording = decoded(buffer.getvalue(), raw)
    assert recording.duration == 1.0
    assert likeness(recording, 1.0) > 0.999


@pytest.mark.parametrize(
    ("bad", "param"),
    [({"encoding": "s20be"}, "encoding"), ({"rate": 0}, None), ({"channels": 0}, None)],
)
def test_invalid_raw_format_is_refused(bad: dict, param: str | None) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        RawFormat(**{"rate": 16_000, **bad})
    assert caught.value.param == param


CHUNK = b"LIST\x05\x00\x00\x00INFOx\x00"


@pytest.mark.parametrize(
    "data",
    [
        wav(pcm16(chirp(1.0, 16_000)), before=CHUNK * 3),
        wav(pcm16(chirp(1.0, 16_000)), after=CHUNK),
        wav(pcm16(chirp(1.0, 16_000)), declared=0xFFFFFFFF, riff=0xFFFFFFFF),
        wav(pcm16(chirp(1.0, 16_000)), declared=0, riff=0),
        wav(pcm16(chirp(1.0, 16_000)), declared=0, riff=36),
        wav(pcm16(chirp(1.0, 16_000)), declared=0x7FFFF000, riff=0x7FFFF024),
        wav(pcm16(chirp(1.0, 16_000)), declared=0x80000000, riff=0x80000024),
        wav(pcm16(chirp(1.0, 16_000)), declared=32_000 + 44),
    ],
    ids=[
        "odd chunks before the data", "a chunk after the data", "streamed by FFmpeg",
        "never closed", "never closed, header counted", "streamed by SoX", "streamed by arecord",
        "header counted twice",
    ],
)  # fmt: skip
def test_wav_with_an_unusual_header_is_read_to_its_end(data: bytes) -> None:
    recording = decoded(data)
    assert recording.duration == pytest.approx(1.0, abs=0.001)
    assert likeness(recording, 1.0) > 0.999


def test_mp3_without_a_frame_count_is_read_to_its_end() -> None:
    """Where the first frame's bit rate would make a wrong guess of the length."""
    silence_then_chirp = np.concatenate([np.zeros(88_200, np.float32), chirp(2.0, 44_100)])
    whole = encode(FORMATS["mp3"], spread(silence_then_chirp, 1))
    without_xing = whole[whole.index(b"\xff\xfb", 4) :]
    assert decoded(without_xing).duration == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("name", ["ogg-vorbis", "ogg-opus", "mp3", "adts"])
def test_concatenated_streams_are_read_to_the_end(name: str) -> None:
    once = decoded(make(name)).duration
    assert decoded(make(name) * 2).duration == pytest.approx(2 * once, abs=2 * DELAY_SECONDS)


@pytest.mark.parametrize("name", ["mp3", "adts"])
def test_recorded_broadcast_may_begin_and_end_within_a_frame(name: str) -> None:
    whole = make(name, seconds=2.0)
    first = whole.index(b"\xff", 4)
    # FFmpeg may take some frames to find the first whole one.
    assert 1.5 <= decoded(whole[first + 50 : -50]).duration <= 2.05
    assert 1.95 <= decoded(whole[:-50]).duration <= 2.05


def test_flac_without_a_sample_count_is_decoded() -> None:
    data = bytearray(make("flac"))
    data[21] &= 0xF0
    data[22:26] = b"\0\0\0\0"
    assert likeness(decoded(bytes(data)), 1.0) > 0.999


@pytest.mark.parametrize("name", ["mp3", "flac"])
def test_id3_tag_larger_than_the_sniffed_bytes_is_skipped(name: str) -> None:
    picture = b"\xaa" * (1 << 17)
    size = bytes(len(picture) >> shift & 0x7F for shift in (21, 14, 7, 0))
    tagged = b"ID3\x04\x00\x00" + size + picture + make(name)
    assert likeness(decoded(tagged), 1.0) > 0.99


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 384_000])
@pytest.mark.parametrize("samples", [1, 2, 7])
def test_single_sample_is_a_recording(rate: int, samples: int) -> None:
    recording = decoded(wav(pcm16(np.full(samples, 0.5)), rate=rate))
    assert recording.samples == pytest.approx(max(1, samples * SAMPLE_RATE / rate), abs=1)
    assert recording.samples >= 1


def test_blocks_of_many_channels_are_joined_without_a_click() -> None:
    """Long enough for several blocks; a fault at a boundary would show as a step."""
    frames = spread(0.9 * chirp(20.0, 44_100), 6)
    recording = decoded(wav(pcm16(0.5 * frames), rate=44_100, channels=6))
    samples = recording.slice(0, recording.samples)
    steepest = 0.9 * 0.5 * 0.4 * 2 * np.pi * 1_500 / SAMPLE_RATE
    assert recording.samples == 20 * SAMPLE_RATE
    assert np.abs(np.diff(samples[100:-100])).max() <= steepest * 1.02
