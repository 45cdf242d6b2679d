"""What the commands read: recordings that arguments name, and live audio as raw samples."""

import glob
import io
import mimetypes
import os
import shutil
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from nordlyd_client.cli.backends import Input
from nordlyd_client.cli.service import find_service, require_service
from nordlyd_client.errors import ConfigurationError, InvalidRequestError
from nordlyd_client.live import Pcm

STDIN = "-"
_GLOB = frozenset("*?[")
_IN_MEMORY_BYTES = 2 * 2**20
# A tenth of a second at 16 kHz and 16 bits.
_READ_BYTES = 3200
_PIECES_A_SECOND = 10


@dataclass(frozen=True, slots=True)
class _Found:
    shown: str
    root: Path


def find_inputs(arguments: Sequence[str]) -> tuple[Input, ...]:
    """Finds the recordings that arguments name, in their order and each once.

    A folder stands for all recordings in it and below, hidden ones left out. A glob is one that
    the shell did not expand; `**` matches folders at any depth. A path need not exist: opening
    it raises the error.

    Raises:
        InvalidRequestError: stdin is a terminal.
    """
    inputs: dict[Path, Input] = {}
    for argument in arguments:
        for item in _stdin() if argument == STDIN else map(_file, _find(argument)):
            if item.path not in inputs:
                inputs[item.path] = replace(item, number=len(inputs))
    return tuple(inputs.values())


def find_input(argument: str) -> Input:
    """Finds the one recording that an argument names, a file or stdin.

    Raises:
        InvalidRequestError: stdin is a terminal.
    """
    if argument == STDIN:
        return next(_stdin())
    return _file(_Found(argument, _absolute(Path(argument).parent)))


def _stdin() -> Iterator[Input]:
    if sys.stdin.isatty():
        raise InvalidRequestError(
            "- reads a recording from a pipe, and stdin is a terminal.", param="files"
        )
    held = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - its reader closes it
    shutil.copyfileobj(sys.stdin.buffer, held)
    size = held.tell()
    held.seek(0)
    yield Input(0, STDIN, Path("stdin"), Path(), lambda: cast("BinaryIO", held), size)


def _file(found: _Found) -> Input:
    path = _absolute(Path(found.shown))

    def opened() -> BinaryIO:
        return path.open("rb")

    try:
        status = path.stat()
    except OSError:
        # Opening it raises the reason.
        return Input(0, found.shown, path, found.root, opened)
    return Input(0, found.shown, path, found.root, opened, status.st_size, status.st_mtime_ns)


def _find(argument: str) -> Iterator[_Found]:
    path = Path(argument)
    if path.is_dir():
        yield from _walk(path)
    elif path.exists() or not _GLOB & set(argument):
        yield _Found(argument, _absolute(path.parent))
    else:
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - as the shell does
        root = _absolute(_fixed_part(argument))
        files = [_Found(match, root) for match in matches if not Path(match).is_dir()]
        yield from files or [_Found(argument, root)]


def _walk(folder: Path) -> Iterator[_Found]:
    found = False
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(where) / name
            if not name.startswith(".") and _is_recording(path):
                found = True
                yield _Found(str(path), _absolute(folder))
    if not found:
        raise InvalidRequestError(f"{folder}: there is no recording in this folder.", param="files")


def _is_recording(path: Path) -> bool:
    """Returns whether a file is a recording: by its content where the service can read it."""
    try:
        if not path.is_file():
            return False
    except OSError:
        return False
    service = find_service()
    if service is not None:
        return service.is_recording(path)
    return (mimetypes.guess_type(path.name)[0] or "").startswith(("audio/", "video/"))


def _fixed_part(pattern: str) -> Path:
    """Returns the folders of a glob before the first with a wildcard."""
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _GLOB & set(part))
    return Path(*parts[:fixed])


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links keep their names


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
