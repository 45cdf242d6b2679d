"""Containers x codecs x channels x rates, against the output of the program `ffmpeg`."""

import io
import shutil
import subprocess
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from audio_samples import chirp, spread

from app.audio import SAMPLE_RATE, AudioLimits, decode_audio

pytestmark = pytest.mark.ffmpeg

LIMITS = AudioLimits(max_seconds=600)
SECONDS = 1.5
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
# Debian's FFmpeg 5.1 does not cut the encoder's delay that Matroska declares, which 8 does.
_UNCUT = {("matroska", "aac"), ("matroska", "ac3"), ("matroska", "mp3")}
# Container, codec, rates, channels.
_PCM_RATES = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000)
_USUAL = (16_000, 44_100, 48_000)
_CELLS: tuple[tuple[str, str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("wav", "pcm_s16le", _PCM_RATES, (1, 2, 6, 8)),
    ("wav", "pcm_s24le", _PCM_RATES, (1, 2, 6, 8)),
    ("wav", "pcm_f32le", _PCM_RATES, (1, 2, 6, 8)),
    ("wav", "pcm_alaw", (8_000, 16_000), (1, 2)),
    ("wav", "adpcm_ms", _USUAL, (1, 2)),
    ("wav", "adpcm_ima_wav", _USUAL, (1, 2)),
    ("w64", "pcm_s16le", _PCM_RATES, (1, 2, 6, 8)),
    ("aiff", "pcm_s16be", _PCM_RATES, (1, 2, 6)),
    ("au", "pcm_s16be", _PCM_RATES, (1, 2)),
    ("caf", "pcm_s16le", _PCM_RATES, (1, 2, 6, 8)),
    ("caf", "alac", _USUAL, (1, 2, 6)),
    ("flac", "flac", _PCM_RATES, (1, 2, 6, 8)),
    ("ogg", "flac", _PCM_RATES, (1, 2, 6, 8)),
    ("ogg", "libopus", (16_000, 48_000), (1, 2, 6, 8)),
    ("ogg", "vorbis", (44_100, 48_000), (2,)),
    ("ipod", "aac", _PCM_RATES, (1, 2, 6, 8)),
    ("ipod", "alac", _USUAL, (1, 2, 6)),
    ("mov", "pcm_s16le", _PCM_RATES, (1, 2, 6, 8)),
    ("mov", "pcm_s24le", _USUAL, (1, 2, 6, 8)),
    ("mp4", "ac3", (48_000,), (1, 2, 6)),
    ("mp4", "libopus", (48_000,), (1, 2, 6, 8)),
    ("3gp", "libopencore_amrnb", (8_000,), (1,)),
    ("matroska", "aac", _PCM_RATES, (1, 2, 6, 8)),
    ("matroska", "flac", _USUAL, (1, 2, 6, 8)),
    ("matroska", "pcm_s16le", _USUAL, (1, 2, 6, 8)),
    ("matroska", "ac3", (48_000,), (1, 2, 6)),
    ("matroska", "mp3", (44_100, 48_000), (1, 2)),
    ("webm", "libopus", (16_000, 48_000), (1, 2, 6, 8)),
    ("mp3", "mp3", (16_000, 22_050, 44_100, 48_000), (1, 2)),
    ("adts", "aac", _PCM_RATES, (1, 2, 6)),
    ("latm", "aac", _USUAL, (1, 2)),
    ("mpegts", "aac", _USUAL, (1, 2, 6)),
    ("mpegts", "mp2", _USUAL, (1, 2)),
    ("mpegts", "ac3", (48_000,), (1, 2, 6)),
    ("mpeg", "mp2", _USUAL, (1, 2)),
    ("avi", "mp3", (44_100, 48_000), (1, 2)),
    ("avi", "pcm_s16le", _USUAL, (1, 2)),
    ("asf", "wmav2", _USUAL, (1, 2)),
    ("flv", "aac", (44_100,), (1, 2)),
    ("nut", "pcm_s16le", _USUAL, (1, 2)),
    ("ac3", "ac3", (32_000, 44_100, 48_000), (1, 2, 6)),
    ("eac3", "eac3", (32_000, 44_100, 48_000), (1, 2, 6)),
    ("tta", "tta", _USUAL, (1, 2, 6)),
    ("wv", "wavpack", _PCM_RATES, (1, 2, 6, 8)),
    ("voc", "pcm_s16le", _USUAL, (1, 2)),
    ("sox", "pcm_s32le", _USUAL, (1, 2)),
    ("ircam", "pcm_s16le", _USUAL, (1, 2)),
    ("amr", "libopencore_amrnb", (8_000,), (1,)),
)
CELLS = [
    (container, codec, rate, channels)
    for container, codec, rates, counts in _CELLS
    for rate, channels in product(rates, counts)
]


def encoded(container: str, codec: str, rate: int, channels: int) -> bytes:
    frames = spread(chirp(SECONDS, rate), channels)
    buffer = io.BytesIO()
    options = {"strict": "experimental"}
    with av.open(buffer, "w", format=container, container_options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout=LAYOUTS[channels], options=options)
        if codec not in {"libopencore_amrnb"}:
            stream.bit_rate = min(64_000 * channels, 2 * rate * channels)
        for start in range(0, len(frames), 960):
            packed = np.ascontiguousarray(frames[start : start + 960].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=LAYOUTS[channels])
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def by_ffmpeg(path: Path, channels: int) -> np.ndarray:
    """The mean of all channels at 16 kHz, float32 [samples], as the program decodes the file."""
    program = shutil.which("ffmpeg")
    assert program, "this test compares with the program ffmpeg: apt install ffmpeg"
    weights = "+".join(f"{1 / channels:.9f}*c{index}" for index in range(channels))
    run = subprocess.run(
        [
            program, "-v", "error", "-i", str(path), "-map", "0:a:0",
            "-af", f"pan=mono|c0={weights},aresample={SAMPLE_RATE}",
            "-f", "f32le", "-",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return np.frombuffer(run.stdout, dtype=np.float32)


@pytest.mark.parametrize(("container", "codec", "rate", "channels"), CELLS)
def test_container_and_codec_decode_like_the_ffmpeg_program(
    container: str, codec: str, rate: int, channels: int, tmp_path: Path
) -> None:
    path = tmp_path / "sample"
    path.write_bytes(encoded(container, codec, rate, channels))
    recording = decode_audio(path, limits=LIMITS)
    ours = recording.slice(0, recording.samples)
    theirs = by_ffmpeg(path, channels)
    # Resamplers differ at the edges; a codec's delay and padding are cut by both or by neither.
    shift = (0.14 if (container, codec) in _UNCUT else 0.06) * SAMPLE_RATE
    assert abs(ours.size - theirs.size) <= shift
    size = 2 * max(ours.size, theirs.size)
    spectrum = np.fft.rfft(ours, size) * np.conj(np.fft.rfft(theirs, size))
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    lag -= size if lag > size // 2 else 0
    assert abs(lag) <= shift
    ours, theirs = ours[max(lag, 0) :], theirs[max(-lag, 0) :]
    shared = min(ours.size, theirs.size)
    # A delay that is no whole number of samples at 16 kHz costs half a sample at most.
    assert np.corrcoef(ours[:shared], theirs[:shared])[0, 1] > (0.98 if lag else 0.999)
    assert recording.notices == ()
