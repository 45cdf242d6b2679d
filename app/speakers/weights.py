"""Where the weights of the networks are, and whether speakers can be told apart here."""

from importlib.util import find_spec
from pathlib import Path

from app import extras
from app.errors import InvalidRequestError

SEGMENTATION = "segmentation.safetensors"
VOICES = "voices.safetensors"
_FOLDER = "speakers"
_PACKAGES = ("kaldi_native_fbank", "scipy")


def weights_folder(store: Path) -> Path:
    """Returns the folder of the weights, among the pulled models."""
    return store / _FOLDER


def check_available(folder: Path) -> None:
    """Does nothing where speakers can be told apart.

    Args:
        folder: of the weights.

    Raises:
        InvalidRequestError: a package or the weights are missing; with how to install them.
    """
    for name in _PACKAGES:
        if find_spec(name) is None:
            error = ModuleNotFoundError(name=name)
            hint = extras.install_hint(error, preferred="speakers")
            raise _refusal(hint or f"the package {name} is not installed")
    for file in (SEGMENTATION, VOICES):
        if not (folder / file).is_file():
            raise _refusal(f"there is no {folder / file}; run: nordlyd speakers pull")


def _refusal(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"Speakers cannot be told apart here: {reason}.", param="diarize")
