"""Computes a digest of a model folder, which identifies the model of a measurement or a cache."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

ENCODER = (
    "*.safetensors",
    "pytorch_model*.bin",
    "config.json",
    "preprocessor_config.json",
    "vocab.json",
)
LANGUAGE_MODEL = tuple(
    f"language_model/{pattern}"
    for pattern in ("attrs.json", "unigrams.txt", "*.bin", "*.binary", "*.arpa")
)


def model_digest(folder: Path, patterns: Sequence[str] = (*ENCODER, *LANGUAGE_MODEL)) -> str:
    """Returns the SHA-256 over the files of a model that its answers depend on, as hex."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in folder.glob(pattern)}):
        with file.open("rb") as stream:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
