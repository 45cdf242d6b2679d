"""Fetches Piper's Danish and Norwegian voices from the Hugging Face hub."""

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import hf_hub_download

from trainer.errors import SynthesisError, first_line
from trainer.language_model.tools import cache_folder

MODEL, CONFIG = ".onnx", ".onnx.json"
VOICES = ("da_DK-talesyntese-medium", "no_NO-talesyntese-medium", "no_NO-nvcc-medium")
"""What is fetched by default, all dedicated to the public (CC0); the last has ten speakers."""

_REPOSITORY = "rhasspy/piper-voices"
_NAME = re.compile(r"(([a-z]+)_[A-Z]+)-(\w+)-(\w+)")


def piper_folder() -> Path:
    """Returns where the voices are kept."""
    return cache_folder("piper")


def pull_piper(voices: Sequence[str], folder: Path, *, notify: Callable[[str], None]) -> None:
    """Fetches voices (60 to 80 MB each) and their cards, if they are missing.

    Args:
        voices: LANGUAGE_REGION-NAME-QUALITY, as on the hub.
        folder: where they are written.
        notify: called with a line for each that is fetched.

    Raises:
        SynthesisError: a name is none, or the hub cannot be reached or does not have it.
    """
    for voice in voices:
        _pull(voice, folder, notify)


def _pull(voice: str, folder: Path, notify: Callable[[str], None]) -> None:
    parts = _NAME.fullmatch(voice)
    if parts is None:
        raise SynthesisError(
            f"{voice!r} is no voice; they are named LANGUAGE_REGION-NAME-QUALITY: "
            f"{', '.join(VOICES)}"
        )
    if (folder / f"{voice}{MODEL}").is_file():
        return
    region, language, name, quality = parts.groups()
    place = f"{language}/{region}/{name}/{quality}"
    folder.mkdir(parents=True, exist_ok=True)
    notify(f"downloading {voice}")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        try:
            # The model last: a voice that has it is whole.
            for file in ("MODEL_CARD", f"{voice}{CONFIG}", f"{voice}{MODEL}"):
                found = hf_hub_download(_REPOSITORY, f"{place}/{file}", local_dir=scratch)
                kept = f"{voice}.card" if file == "MODEL_CARD" else file
                shutil.move(found, folder / kept)
        except Exception as error:  # the hub's client lets the errors of its HTTP library through
            raise SynthesisError(
                f"{voice} cannot be fetched from the hub: {first_line(error)}; on a machine "
                f"without a network put {voice}{MODEL} and {voice}{CONFIG} into {folder}"
            ) from error
