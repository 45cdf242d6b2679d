"""Sounds to measure with, as the service gets them and as the encoder gets them.

Out: noise, speech from the bundled samples, WAV bodies, and windows as the pipeline makes them.
"""

import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from app.acoustic import AcousticModel
from app.audio import (
    SAMPLE_RATE,
    AudioLimits,
    Recording,
    Samples,
    Window,
    decode_audio,
    plan_windows,
)
from app.settings import Settings

WINDOW_SECONDS: float = Settings.model_fields["window_seconds"].default
CONTEXT_SECONDS: float = Settings.model_fields["context_seconds"].default

_MIN_PAUSE, _MAX_PAUSE = 0.2, 0.6
_BLOCK_SECONDS = 60


def noise(seconds: float, seed: int) -> Samples:
    """White noise, float32 [samples]; what an encoder takes for it is what speech takes."""
    generator = np.random.default_rng(seed)
    samples = generator.standard_normal(round(seconds * SAMPLE_RATE), dtype=np.float32)
    return np.asarray(0.1 * samples, dtype=np.float32)


def wav(samples: Samples) -> bytes:
    """A 16-bit mono WAV."""
    return _file(samples, "WAV")


def flac(samples: Samples) -> bytes:
    """A 16-bit mono FLAC."""
    return _file(samples, "FLAC")


def _file(samples: Samples, container: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format=container, subtype="PCM_16")
    return buffer.getvalue()


def write_noise(path: Path, seconds: float) -> None:
    """Writes a 16-bit mono WAV of any length, block by block."""
    with soundfile.SoundFile(
        path, "w", samplerate=SAMPLE_RATE, channels=1, format="WAV", subtype="PCM_16"
    ) as file:
        left, seed = seconds, 0
        while left > 0:
            file.write(noise(min(left, _BLOCK_SECONDS), seed))
            left, seed = left - _BLOCK_SECONDS, seed + 1


def recording_of(body: bytes) -> Recording:
    """What the service makes of an uploaded file."""
    return decode_audio(io.BytesIO(body), limits=AudioLimits(max_seconds=24 * 3600))


def windows_of(
    model: AcousticModel,
    samples: int,
    *,
    window_seconds: float = WINDOW_SECONDS,
    context_seconds: float = CONTEXT_SECONDS,
) -> list[Window]:
    """The windows the pipeline makes of a recording that long."""
    return plan_windows(
        samples,
        window=round(window_seconds * SAMPLE_RATE),
        context=round(context_seconds * SAMPLE_RATE),
        hop=model.hop,
        receptive_field=model.receptive_field,
    )


def prepared(
    model: AcousticModel, recording: Recording, windows: Sequence[Window]
) -> list[Samples]:
    """The windows' waveforms as the pipeline hands them to the encoder."""
    return [
        recording.slice(window.start, window.stop, normalise=model.do_normalize)
        for window in windows
    ]


def speech(folder: Path, seconds: float) -> Samples | None:
    """The recordings of a folder one after the other, again and again, up to a length.

    Between them are pauses of unequal length, so that no two passes fall alike on the windows.

    Returns:
        float32 [samples] at 16 kHz; None where the folder has no recording.
    """
    limits = AudioLimits(max_seconds=3600)
    paths = [path for path in sorted(folder.glob("*")) if path.suffix in {".wav", ".flac", ".ogg"}]
    recordings = [decode_audio(path, limits=limits) for path in paths]
    if not recordings:
        return None
    generator = np.random.default_rng(0)
    parts: list[Samples] = []
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        recording = recordings[len(parts) // 2 % len(recordings)]
        pause = round(generator.uniform(_MIN_PAUSE, _MAX_PAUSE) * SAMPLE_RATE)
        parts += [recording.slice(0, recording.samples), np.zeros(pause, dtype=np.float32)]
        left -= recording.samples + pause
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body with one file, and the headers it goes with.

    Attributes:
        headers: content type and length.
        head, tail: the bytes before and after the file's.
    """

    headers: dict[str, str]
    head: bytes
    tail: bytes

    @classmethod
    def around(cls, size: int) -> "Form":
        """The form for a file of so many bytes."""
        boundary = uuid.uuid4().hex
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="speech.wav"\r\n'
            "Content-Type: audio/wav\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        return cls(headers, head, tail)

    def stream(self, path: Path) -> Iterator[bytes]:
        """The body, with the file read as it is sent."""
        yield self.head
        with path.open("rb") as file:
            while block := file.read(1 << 16):
                yield block
        yield self.tail


@dataclass(frozen=True, slots=True)
class Upload:
    """A request's body, ready to be sent as often as needed."""

    body: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, audio: bytes) -> "Upload":
        """A multipart form with that file."""
        form = Form.around(len(audio))
        return cls(form.head + audio + form.tail, form.headers)
