"""Sample files of every accepted format and of refused files, made when first used.

All of them hold the same chirp, so that any decoded recording can be compared with `chirp`.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from app.audio import SAMPLE_RATE, Recording

# The chirp stays below the 3.4 kHz that the narrowest codec, AMR, carries.
MIN_HZ, MAX_HZ = 200.0, 1_500.0
PEAK = 0.4
FADE_SECONDS = 0.02
# Encoder delay that a container without an edit list cannot declare, and padding at the end.
DELAY_SECONDS = 0.06


@dataclass(frozen=True, slots=True)
class Format:
    """One way to encode audio.

    `codec` is libsndfile's subtype or FFmpeg's encoder; `fidelity` is the least correlation that
    the decoded signal has with the original.
    """

    name: str
    suffix: str
    content_type: str
    container: str
    codec: str
    rate: int = 44_100
    channels: int = 2
    fidelity: float = 0.9999
    video: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    bit_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A file in one of the formats."""

    path: Path
    format: Format
    seconds: float


SOUNDFILE_FORMATS = (
    Format("wav-u8", "wav", "audio/wav", "WAV", "PCM_U8", fidelity=0.99),
    Format("wav-s16", "wav", "audio/wav", "WAV", "PCM_16"),
    Format("wav-s24", "wav", "audio/wav", "WAV", "PCM_24"),
    Format("wav-s32", "wav", "audio/wav", "WAV", "PCM_32"),
    Format("wav-f32", "wav", "audio/wav", "WAV", "FLOAT"),
    Format("wav-f64", "wav", "audio/wav", "WAV", "DOUBLE"),
    Format("wav-mulaw", "wav", "audio/wav", "WAV", "ULAW", rate=8_000, channels=1, fidelity=0.999),
    Format("wav-alaw", "wav", "audio/wav", "WAV", "ALAW", rate=8_000, channels=1, fidelity=0.999),
    Format("wav-gsm", "wav", "audio/wav", "WAV", "GSM610", rate=8_000, channels=1, fidelity=0.95),
    Format("wav-ms-adpcm", "wav", "audio/wav", "WAV", "MS_ADPCM", fidelity=0.99),
    Format("wav-extensible", "wav", "audio/wav", "WAVEX", "PCM_24"),
    Format("rf64", "wav", "audio/wav", "RF64", "PCM_16"),
    Format("w64", "w64", "audio/x-w64", "W64", "PCM_16"),
    Format("aiff", "aiff", "audio/aiff", "AIFF", "PCM_16"),
    Format("au", "au", "audio/basic", "AU", "PCM_16"),
    Format("caf", "caf", "audio/x-caf", "CAF", "PCM_16"),
    Format("caf-alac", "caf", "audio/x-caf", "CAF", "ALAC_16"),
    Format("nist", "sph", "application/octet-stream", "NIST", "PCM_16"),
    Format("flac", "flac", "audio/flac", "FLAC", "PCM_16"),
    Format("flac-24", "flac", "audio/flac", "FLAC", "PCM_24"),
    Format("ogg-vorbis", "ogg", "audio/ogg", "OGG", "VORBIS", fidelity=0.99),
    Format("ogg-opus", "opus", "audio/ogg", "OGG", "OPUS", rate=48_000, fidelity=0.99),
    Format("mp3", "mp3", "audio/mpeg", "MP3", "MPEG_LAYER_III", fidelity=0.99),
)
# Where the container cannot declare the encoder's delay, the rate is one at which that delay is a
# whole number of samples at 16 kHz.
PYAV_FORMATS = (
    Format("m4a-aac", "m4a", "audio/mp4", "ipod", "aac", fidelity=0.99),
    Format("m4a-alac", "m4a", "audio/mp4", "ipod", "alac"),
    Format("mp4-video", "mp4", "video/mp4", "mp4", "aac", fidelity=0.99, video="mpeg4"),
    Format(
        "mp4-fragmented", "mp4", "video/mp4", "mp4", "aac", rate=32_000, fidelity=0.99,
        options=(("movflags", "frag_keyframe+empty_moov"),),
    ),
    Format("mov-pcm", "mov", "video/quicktime", "mov", "pcm_s16be", video="mjpeg"),
    Format("3gp", "3gp", "audio/3gpp", "3gp", "aac", fidelity=0.99),
    Format("webm-opus", "webm", "audio/webm", "webm", "libopus", rate=48_000, fidelity=0.99),
    Format("mkv-flac", "mkv", "video/x-matroska", "matroska", "flac", video="mpeg4"),
    Format("mkv-ac3", "mkv", "video/x-matroska", "matroska", "ac3", fidelity=0.99),
    Format("adts", "aac", "audio/aac", "adts", "aac", rate=32_000, fidelity=0.99),
    Format(
        "mpeg-ts", "ts", "video/mp2t", "mpegts", "aac", rate=32_000, fidelity=0.99, video="mpeg4"
    ),
    Format(
        "mpeg-ps", "mpg", "video/mpeg", "mpeg", "mp2", rate=16_000, fidelity=0.99, video="mpeg4"
    ),
    Format("avi-mp3", "avi", "video/x-msvideo", "avi", "mp3", fidelity=0.99, video="mpeg4"),
    # ASF rounds times to milliseconds, so the sound lies between two samples at 16 kHz.
    Format("wma", "wma", "audio/x-ms-wma", "asf", "wmav2", fidelity=0.98, bit_rate=128_000),
    Format(
        "amr", "amr", "audio/amr", "amr", "libopencore_amrnb", rate=8_000, channels=1,
        fidelity=0.9, bit_rate=12_200,
    ),
    Format("flv-mp3", "flv", "video/x-flv", "flv", "mp3", fidelity=0.99),
    Format("wav-mp3", "wav", "audio/wav", "wav", "mp3", fidelity=0.99),
    Format("ogg-flac", "oga", "audio/ogg", "ogg", "flac"),
)  # fmt: skip
FORMATS = {form.name: form for form in (*SOUNDFILE_FORMATS, *PYAV_FORMATS)}


def chirp(seconds: float, rate: int) -> np.ndarray:
    """A tone that rises from 200 to 1,500 Hz: float32 [samples]."""
    time = np.arange(round(seconds * rate)) / rate
    cycles = MIN_HZ * time + (MAX_HZ - MIN_HZ) / (2 * max(seconds, 1e-9)) * time**2
    # A sudden end would make every lossy encoder overshoot.
    edges = np.minimum(1.0, np.minimum(time, time[::-1]) / FADE_SECONDS)
    return (PEAK * edges * np.sin(2 * np.pi * cycles)).astype(np.float32)


def spread(mono: np.ndarray, channels: int) -> np.ndarray:
    """[samples] to [samples, channels] of unlike loudness, whose mean is the mono signal again."""
    gains = np.linspace(0.5, 1.5, channels) if channels > 1 else np.ones(1)
    return (mono[:, None] * gains).astype(np.float32)


def likeness(recording: Recording, seconds: float) -> float:
    """Correlation with the original chirp, after taking out the codec's delay."""
    got = recording.slice(0, recording.samples).astype(np.float64)
    want = chirp(seconds, SAMPLE_RATE).astype(np.float64)
    size = 2 * max(got.size, want.size)
    products = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(want, size)), size)
    lag = int(np.argmax(products))
    lag -= size if lag > size // 2 else 0
    assert abs(lag) <= DELAY_SECONDS * SAMPLE_RATE
    got, want = got[max(lag, 0) :], want[max(-lag, 0) :]
    shared = min(got.size, want.size)
    return float(np.corrcoef(got[:shared], want[:shared])[0, 1])


def encode(form: Format, frames: np.ndarray) -> bytes:
    """Encodes float32 [samples, channels], by libsndfile or FFmpeg depending on the format."""
    if form in SOUNDFILE_FORMATS:
        return _encode_soundfile(form, frames)
    return encode_pyav(form, frames)


def make(name: str, *, seconds: float = 1.0) -> bytes:
    """The chirp in the format of that name."""
    form = FORMATS[name]
    return encode(form, spread(chirp(seconds, form.rate), form.channels))


def write_samples(folder: Path, *, seconds: float = 1.0) -> dict[str, Sample]:
    """One file of each format, by the format's name."""
    samples = {}
    for name, form in FORMATS.items():
        path = folder / f"{name}.{form.suffix}"
        path.write_bytes(make(name, seconds=seconds))
        samples[name] = Sample(path, form, seconds)
    return samples


def _encode_soundfile(form: Format, frames: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", form.rate, frames.shape[1], form.codec, format=form.container
    ) as file:
        # libsndfile's Vorbis encoder overflows its stack when it is given much at once.
        for start in range(0, len(frames), 4_096):
            file.write(frames[start : start + 4_096])
    return buffer.getvalue()


def encode_pyav(form: Format, frames: np.ndarray | None) -> bytes:
    """Encodes by FFmpeg; `frames` None makes a video without an audio track."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form.container, options=dict(form.options)) as container:
        video = container.add_stream(form.video, rate=25) if form.video else None
        audio = None
        if frames is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[frames.shape[1]]
            audio = container.add_stream(form.codec, rate=form.rate, layout=layout)
            if form.bit_rate:
                audio.bit_rate = form.bit_rate
        if video is not None:
            video.width, video.height = 64, 48
            video.pix_fmt = "yuvj420p" if form.video == "mjpeg" else "yuv420p"
            for shade in range(10):
                picture = av.VideoFrame.from_ndarray(
                    np.full((48, 64, 3), 20 * shade, dtype=np.uint8), format="rgb24"
                )
                container.mux(video.encode(picture.reformat(format=video.pix_fmt)))
            container.mux(video.encode(None))
        if audio is not None and frames is not None:
            for start in range(0, len(frames), 4_096):
                block = np.ascontiguousarray(frames[start : start + 4_096].T)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = form.rate, start
                frame.time_base = Fraction(1, form.rate)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return buffer.getvalue()


def encode_packed(container: str, codec: str, layout: str, rate: int = 48_000) -> bytes:
    """The chirp on all channels by FFmpeg, handed over packed: PyAV's planes are what fails."""
    channels = av.AudioLayout(layout).nb_channels
    frames = np.repeat(chirp(1.0, rate)[:, None], channels, axis=1)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 64_000 * channels
        for start in range(0, len(frames), 960):
            packed = np.ascontiguousarray(frames[start : start + 960].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def wav(
    payload: bytes,
    *,
    rate: int = 16_000,
    channels: int = 1,
    declared: int | None = None,
    riff: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A 16-bit WAV by hand, for headers that no library would write.

    `declared` and `riff` replace the two sizes; `before` and `after` are chunks around the data.
    """
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    size = len(payload) if declared is None else declared
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", size) + payload + after
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def pcm16(samples: np.ndarray) -> bytes:
    """Float samples in -1..1 as signed 16-bit, little-endian."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def flac_bomb(hours: float = 20.0) -> bytes:
    """A small FLAC file of constant blocks, whose header leaves the length open."""
    whole = _encode_soundfile(
        Format("flac", "flac", "", "FLAC", "PCM_16", rate=48_000), np.zeros((4_096 * 4, 1))
    )
    head_end = 4
    while True:
        last, size = whole[head_end] & 0x80, int.from_bytes(whole[head_end + 1 : head_end + 4])
        head_end += 4 + size
        if last:
            break
    head = bytearray(whole[:head_end])
    head[21] &= 0xF0
    head[22:26] = b"\0\0\0\0"
    body = whole[head_end:]
    frame = body[: body.index(b"\xff\xf8", 1)]
    return bytes(head) + frame * round(hours * 3600 * 48_000 / 4_096)


def _silent_video() -> bytes:
    return encode_pyav(FORMATS["mp4-video"], None)


def _encrypted() -> bytes:
    plain = FORMATS["m4a-aac"]
    key = "76a6c65c5ea762046bd749a2e632ccbb"
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key}
    form = Format("", "mp4", "", "mp4", "aac", options=tuple(options.items()))
    return encode_pyav(form, spread(chirp(1.0, plain.rate), 2))


def _cut(name: str) -> bytes:
    whole = make(name)
    return whole[: len(whole) // 2]


# Refused files, by the file name.
REFUSED: dict[str, Callable[[], bytes]] = {
    "empty.wav": lambda: b"",
    "no-samples.wav": lambda: wav(b""),
    "no-samples.flac": lambda: flac_bomb(hours=0),
    "no-samples.ogg": lambda: make("ogg-vorbis", seconds=0),
    "header-only.wav": lambda: make("wav-s16")[:30],
    "cut.wav": lambda: _cut("wav-s16"),
    "cut.flac": lambda: _cut("flac"),
    "cut.mp3": lambda: _cut("mp3"),
    "cut.m4a": lambda: _cut("m4a-aac"),
    "cut.mkv": lambda: _cut("mkv-flac"),
    "text.wav": lambda: b"Dette er ikkje lyd, men tekst.\n" * 20,
    "page.mp3": lambda: b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "silent-video.mp4": _silent_video,
    "encrypted.m4a": _encrypted,
    "not-a-number.wav": lambda: _encode_soundfile(
        FORMATS["wav-f32"], np.full((1_000, 1), np.nan, dtype=np.float32)
    ),
}


def write_refused(folder: Path) -> dict[str, Path]:
    """One file for each kind of refusal, by its name."""
    paths = {}
    for name, build in REFUSED.items():
        paths[name] = folder / name
        paths[name].write_bytes(build())
    return paths
