"""The file of a language model: read into memory and checked, so that no damage ends the process.

A checksum file beside the folder, `language_model.sha256` in the format of `sha256sum`, is written
when a language model is built or pulled. Where there is none, the file is checked by what it holds.
"""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import ConfigurationError

MODEL_SUFFIXES = (".bin", ".binary", ".arpa")
CHECKSUM_SUFFIX = ".sha256"

_TRIAL_SECONDS = 600
# Loads as the service does, and looks words up all over the tables.
_TRIAL = """
import kenlm, sys
model = kenlm.Model(sys.argv[1])
words = [line.rstrip("\\n") for line in sys.stdin]
for start in range(0, len(words), 20):
    model.score(" ".join(words[start:start + 20]))
"""

Bytes = NDArray[np.uint8]


def find_model(folder: Path) -> Path:
    """Returns the one KenLM file of a language model's folder.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    models = sorted(path for path in folder.iterdir() if path.suffix in MODEL_SUFFIXES)
    if len(models) != 1:
        found = ", ".join(path.name for path in models) or "none"
        raise ConfigurationError(
            f"{folder} must hold one KenLM file ({', '.join(MODEL_SUFFIXES)}); found: {found}"
        )
    return models[0]


def checksum_file(model: Path) -> Path:
    """Returns where the checksum of a model's file is kept: beside the folder it is in."""
    return model.parent.with_name(model.parent.name + CHECKSUM_SUFFIX)


def write_checksum(model: Path) -> Path:
    """Writes the checksum of a model's file, and returns where."""
    target = checksum_file(model)
    fresh = target.with_name(f".{target.name}.new")
    digest = _digest(_read(model))
    fresh.write_text(f"{digest}  {model.parent.name}/{model.name}\n", encoding="utf-8")
    fresh.replace(target)
    return target


def read_model(model: Path) -> tuple[Bytes, bool]:
    """Returns the bytes of a model's file, and whether a checksum confirms that they are complete.

    Raises:
        ConfigurationError: the file cannot be read, or is not the one that the checksum is of.
    """
    data = _read(model)
    expected = _checksum_of(model)
    if expected is None:
        return data, False
    if _digest(data) != expected:
        raise ConfigurationError(
            f"{model} is damaged or was replaced: its {len(data)} bytes do not have the checksum "
            f"in {checksum_file(model)}; bring the file again, or remove that one"
        )
    return data, True


def words_of(data: Bytes) -> list[str]:
    """Returns the words of an ARPA file, or of a binary file that keeps them; else none."""
    text = data.tobytes()
    if text.startswith(b"mmap lm"):
        _, found, words = text.rpartition(b"<unk>\0")
        return [word.decode(errors="replace") for word in words.split(b"\0") if found and word]
    _, _, rest = text.partition(b"\\1-grams:")
    lines = rest.partition(b"\\2-grams:")[0].splitlines()
    parts = [line.split() for line in lines]
    return [part[1].decode(errors="replace") for part in parts if len(part) > 1]


def try_in_child(model: Path, words: list[str]) -> None:
    """Loads a file of unknown origin with KenLM's own code in a process that may crash on it.

    Args:
        model: the file.
        words: are looked up.

    Raises:
        ConfigurationError: KenLM refused the file, or crashed on it.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", _TRIAL, str(model)],
            input="\n".join(words).encode(),
            capture_output=True,
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{model} is no KenLM model: loading it took over {_TRIAL_SECONDS} s"
        ) from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ConfigurationError(f"{model} is no KenLM model: it is damaged, KenLM died ({name})")
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigurationError(f"{model} is no KenLM model: {lines[-1] if lines else 'refused'}")


def _read(model: Path) -> Bytes:
    try:
        return np.fromfile(model, dtype=np.uint8)
    except OSError as error:
        raise ConfigurationError(f"{model} cannot be read: {error}") from error


def _digest(data: Bytes) -> str:
    return hashlib.sha256(data.data).hexdigest()


def _checksum_of(model: Path) -> str | None:
    """Returns the checksum file's entry for this file; None where there is none."""
    try:
        lines = checksum_file(model).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{checksum_file(model)} cannot be read: {error}") from error
    for line in lines:
        digest, _, name = line.partition(" ")
        if Path(name.strip().lstrip("*")).name == model.name:
            return digest.lower()
    return None
