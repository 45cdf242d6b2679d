"""Transcribes recordings and writes what a model is surest of as a data folder.

The transcripts are those of the service: windows, decoding, language model, calibrated confidences.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.audio.workers import shared_pool
from app.cli.local import open_local_backend
from app.contract.answers import TRANSCRIPT_ADAPTER
from app.corrections import DataFolder, FolderSummary, TrainingLine, training_lines
from app.errors import NordlydError
from app.logging import configure_quiet_logging
from app.main import audio_limits
from app.settings import Settings, load_settings
from nordlyd_client.cli.backends import Backend, Input
from nordlyd_client.cli.inputs import find_inputs
from nordlyd_client.errors import ClientError
from trainer.errors import DataError

_NAME_CHARACTERS = 16


@dataclass(slots=True)
class Labelled:
    """What was kept and what was not; seconds are those of lines.

    `failed` has recordings that could not be transcribed, by their paths, with the reason.
    """

    kept_lines: int = 0
    kept_seconds: float = 0.0
    left_out_lines: int = 0
    left_out_seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    summary: FolderSummary = field(default_factory=lambda: FolderSummary({}))


def pseudo_label(
    model: str,
    recordings: Sequence[str],
    output: Path,
    *,
    threshold: float,
    language: str | None,
    notify: Callable[[str], None],
) -> Labelled:
    """Writes the lines whose mean confidence reaches a threshold, the surest ones first.

    Args:
        model: a folder, a catalogue id or a hub id.
        recordings: files, folders or globs.
        output: the data folder; see `DataFolder`.
        threshold: in 0..1.
        language: of the recordings, where the model has several.
        notify: called with a line about each recording.

    Raises:
        DataError: there are no recordings, none can be transcribed, or the model or the folder
            cannot be used.
    """
    inputs = find_inputs(recordings)
    if not inputs:
        raise DataError("there are no recordings to transcribe")
    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    options = {"model": model, "format_text": "false"}
    if language is not None:
        options["language"] = language
    labeller = _Labeller(settings, DataFolder(output, sure_first=True), threshold, notify)
    try:
        asyncio.run(labeller.run(inputs, options))
    except ClientError as error:
        raise DataError(f"{model}: {error}") from error
    if len(labeller.found.failed) == len(inputs):
        path, reason = next(iter(labeller.found.failed.items()))
        raise DataError(f"no recording could be transcribed; {path}: {reason}")
    labeller.found.summary = labeller.folder.finish()
    return labeller.found


class _Labeller:
    def __init__(
        self,
        settings: Settings,
        folder: DataFolder,
        threshold: float,
        notify: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.found = Labelled()
        self._settings = settings
        self._threshold = threshold
        self._notify = notify

    async def run(self, inputs: Sequence[Input], options: dict[str, str]) -> None:
        async with open_local_backend(self._settings, options) as backend:
            for item in inputs:
                try:
                    kept, total = await self._label(backend, item)
                except (ClientError, NordlydError) as error:
                    self.found.failed[item.shown] = str(error)
                    self._notify(f"{item.shown}: {error}")
                else:
                    self._notify(f"{item.shown}: {kept} of {total} lines kept")

    async def _label(self, backend: Backend, item: Input) -> tuple[int, int]:
        answer = await backend.transcribe(item, lambda _done, _all: None)
        lines = training_lines(TRANSCRIPT_ADAPTER.validate_json(answer.body))
        sure = [line for line in lines if line.confidence >= self._threshold]
        if sure:
            await asyncio.to_thread(self._add, item.path, sure)
        self.found.kept_lines += len(sure)
        self.found.left_out_lines += len(lines) - len(sure)
        kept_seconds = _seconds(sure)
        self.found.kept_seconds += kept_seconds
        self.found.left_out_seconds += _seconds(lines) - kept_seconds
        return len(sure), len(lines)

    def _add(self, path: Path, lines: Sequence[TrainingLine]) -> None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        decoded = shared_pool().decode(path, limits=audio_limits(self._settings))
        samples = decoded.slice(0, decoded.samples)
        self.folder.add(digest[:_NAME_CHARACTERS], digest, samples, lines)


def _seconds(lines: Sequence[TrainingLine]) -> float:
    return sum(line.end - line.start for line in lines)
