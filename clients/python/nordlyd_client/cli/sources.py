"""Sources of live audio: a microphone, a pipe or a file, read as raw samples."""

import io
import sys
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import SimpleQueue

from nordlyd_client.cli.service import find_service, require_service
from nordlyd_client.errors import ConfigurationError, InvalidRequestError
from nordlyd_client.live import Pcm

STDIN = "-"
# A tenth of a second at 16 kHz and 16 bits.
_READ_BYTES = 3200
_PIECES_A_SECOND = 10


@dataclass(frozen=True, slots=True)
class Source:
    """Live audio: pieces of raw samples, and their encoding."""

    pieces: Iterable[bytes]
    pcm: Pcm


def open_source(name: str, pcm: Pcm | None) -> Source:
    """Opens a file or stdin.

    Args:
        name: path of a file, or `-`.
        pcm: the encoding of raw samples; None decodes a container, which needs the service.

    Raises:
        InvalidRequestError: it cannot be read.
        ConfigurationError: it is a container and the service is not installed.
    """
    service = None
    if pcm is None:
        service = require_service(
            "Decoding a file or a pipe that has a header",
            instead="; raw samples do not, as in: "
            "ffmpeg -i FILE -f s16le -ar 16000 -ac 1 - | nordlyd stream - --rate 16000",
        )
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
    if service is not None:
        return Source(service.decode_live(file), service.LIVE_PCM)
    assert pcm is not None
    return Source(_raw(file), pcm)


def open_microphone(device: str | None) -> Source:
    """Opens a microphone at its default sample rate.

    Args:
        device: its number or a part of its name; None takes the system's default.

    Raises:
        ConfigurationError: there is no microphone, or a library for it is missing.
    """
    try:
        import sounddevice  # noqa: PLC0415
    except ImportError as error:
        distribution = "nordlyd-client" if find_service() is None else "nordlyd"
        raise ConfigurationError(
            f"the microphone needs the extra `mic`: pip install '{distribution}[mic]'. Without it, "
            "pipe sound in, as in: arecord -f S16_LE -r 16000 | nordlyd stream - --rate 16000"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the microphone needs the library PortAudio (Debian: apt install libportaudio2): "
            f"{error}"
        ) from error
    chosen = int(device) if device is not None and device.isdecimal() else device
    captured: SimpleQueue[bytes] = SimpleQueue()

    # PortAudio calls this on a thread of its own, so that none of ours waits inside the library
    # when the process ends.
    def take(data: memoryview, frames: int, time: object, status: object) -> None:  # noqa: ARG001
        captured.put(bytes(data))

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
                yield captured.get()

    return Source(pieces(), Pcm("s16le", rate, 1))


def _raw(file: io.FileIO) -> Generator[bytes, None, None]:
    while data := file.read(_READ_BYTES):
        yield data
