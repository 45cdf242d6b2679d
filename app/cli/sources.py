"""Where live sound comes from in, raw samples as they are made out: microphone, pipe or file."""

import io
import sys
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue

from app.audio import SAMPLE_RATE
from app.audio.workers import shared_pool
from app.client import Pcm
from app.errors import ConfigurationError, InvalidRequestError

STDIN = "-"
# A tenth of a second at 16 kHz and 16 bits.
_READ_BYTES = 3200
_PIECES_A_SECOND = 10


@dataclass(frozen=True, slots=True)
class Source:
    """Live sound: pieces of raw samples, and what they are."""

    pieces: Iterable[bytes]
    pcm: Pcm


def open_source(name: str, pcm: Pcm | None) -> Source:
    """Open a file or stdin.

    Args:
        name: path of a file, or `-`.
        pcm: what its samples are where there is no header; None looks for one.

    Raises:
        InvalidRequestError: it cannot be read.
        AudioError: it is in no format that can be read as it comes.
    """
    if name == STDIN:
        if sys.stdin.isatty():
            raise InvalidRequestError(
                "- reads sound from a pipe, and stdin is a terminal.", param="source"
            )
        # Not its buffer: a thread that waits there when the process ends would abort it.
        file = io.FileIO(sys.stdin.fileno(), closefd=False)
    else:
        try:
            file = io.FileIO(name)
        except OSError as error:
            raise InvalidRequestError(
                f"{name}: cannot be read: {error.strerror}.", param="source"
            ) from error
    if pcm is not None:
        return Source(_raw(file), pcm)
    return Source(_decoded(file), Pcm("f32le", SAMPLE_RATE, 1))


def open_microphone(device: str | None) -> Source:
    """Open a microphone, at the rate it prefers.

    Args:
        device: its number or a part of its name; None takes the system's choice.

    Raises:
        ConfigurationError: there is no microphone, or nothing to listen to it with.
    """
    try:
        import sounddevice  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "the microphone needs the extra `mic`: pip install 'nordlyd[mic]'. Without it, pipe "
            "sound in, as in: arecord -f S16_LE -r 16000 | nordlyd stream - --rate 16000"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the microphone needs the library PortAudio (Debian: apt install libportaudio2): "
            f"{error}"
        ) from error
    chosen = int(device) if device is not None and device.isdecimal() else device
    heard: SimpleQueue[bytes] = SimpleQueue()

    # PortAudio calls this on a thread of its own, so that none of ours waits inside the library
    # when the process ends.
    def take(data: memoryview, frames: int, time: object, status: object) -> None:  # noqa: ARG001
        heard.put(bytes(data))

    try:
        rate = round(sounddevice.query_devices(chosen, "input")["default_samplerate"])
        stream = sounddevice.RawInputStream(
            samplerate=rate, blocksize=rate // _PIECES_A_SECOND, device=chosen, channels=1,
            dtype="int16", callback=take,
        )  # fmt: skip
    except (sounddevice.PortAudioError, ValueError) as error:
        devices = sounddevice.query_devices()
        found = [entry["name"] for entry in devices if entry["max_input_channels"]]
        raise ConfigurationError(
            f"no microphone can be opened: {error}; there are: {', '.join(found) or 'none'}"
        ) from error

    def pieces() -> Generator[bytes, None, None]:
        with stream:
            while True:
                yield heard.get()

    return Source(pieces(), Pcm("s16le", rate, 1))


def _raw(file: io.FileIO) -> Generator[bytes, None, None]:
    while data := file.read(_READ_BYTES):
        yield data


def _decoded(file: io.FileIO) -> Generator[bytes, None, None]:
    """Samples of a container, decoded while more of it still comes: float32 at 16 kHz."""
    with closing(shared_pool().decode_live(file.fileno())) as pieces:
        yield from pieces
