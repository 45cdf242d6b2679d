"""What decides the transcripts of an archive: options, model and settings; and their digest."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.catalogue import Catalogue
from app.model_loading import source_of
from app.pipeline import ModelSource
from app.settings import Settings
from app.speakers import weights_folder

# Larger files are the weights; reading gigabytes before each run would take too long.
_READ_BYTES = 2**20
_SETTINGS = (
    "device", "dtype", "kernels", "int8_models", "decoder", "window_seconds", "context_seconds",
    "target_langs",
)  # fmt: skip


def source_of_model(settings: Settings) -> ModelSource:
    """Returns the one model of the settings.

    Raises:
        ConfigurationError: its files are missing.
    """
    [reference] = settings.models
    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    return source_of(settings, catalogue.resolve(reference))


def request_digest(settings: Settings, source: ModelSource, options: Mapping[str, str]) -> str:
    """Returns a digest of what decides a transcript besides the recording.

    Args:
        settings: of the service, with one model.
        source: that model.
        options: of every recording, by their names in the API.
    """
    decisive: dict[str, Any] = {
        "options": dict(sorted(options.items())),
        "settings": {name: getattr(settings, name) for name in _SETTINGS},
        "profanities": None if settings.profanities is None else _content(settings.profanities),
        "model": source.card.model_dump(mode="json"),
        "files": [*_files(source.folder)],
        "more_files": [] if source.extra_folder is None else [*_files(source.extra_folder)],
    }
    if settings.redact is not None:
        decisive["redact"] = settings.redact
    if settings.redact_names is not None:
        decisive["redact_names"] = _content(settings.redact_names)
    if "diarize" in options:
        decisive["speakers"] = [*_files(weights_folder(settings.store))]
    text = json.dumps(decisive, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _files(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yields the names, sizes and digests of files; larger ones than 1 MiB without the latter."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            size = path.stat().st_size
            digest = _content(path) if size <= _READ_BYTES else ""
            yield path.relative_to(folder).as_posix(), size, digest


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
