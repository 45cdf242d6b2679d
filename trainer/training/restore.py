"""Reads the checkpoint that a training is resumed from: the last one that is whole."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from app.errors import NordlydError
from trainer.errors import DamagedCheckpointError, DataError, TrainingError
from trainer.lora import LORA, separated
from trainer.training.checkpoints import RunState, check_files, checkpoints, step_of
from trainer.training.vocabulary import tokens_of

_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError, pickle.UnpicklingError,
    SafetensorError, NordlydError, DataError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Saved:
    """The contents of a checkpoint, on the CPU; `scaler` is None where there was no fp16."""

    folder: Path
    tokens: tuple[str, ...]
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any] | None
    run: RunState
    log_history: list[dict[str, float]]

    @property
    def step(self) -> int:
        """The update after which it was saved."""
        return step_of(self.folder)


def last_whole_checkpoint(
    run: Path, notify: Callable[[str], None]
) -> tuple[Saved | None, list[Path]]:
    """Reads the last checkpoint of a run that can be read.

    Args:
        run: the run folder.
        notify: called with a line for each damaged checkpoint that was passed over.

    Returns:
        The checkpoint, None where the run has none, and the folders that were passed over.

    Raises:
        TrainingError: none of the checkpoints can be read, or the last one has no optimizer.
    """
    damaged: list[Path] = []
    for folder in reversed(checkpoints(run)):
        try:
            saved = read_checkpoint(folder)
        except DamagedCheckpointError as error:
            notify(str(error))
            damaged.append(folder)
            continue
        if damaged:
            notify(f"resuming from {folder.name}, the last checkpoint that is whole")
        return saved, damaged
    if damaged:
        raise TrainingError(
            f"no checkpoint in {run} can be read; start the training again in another folder"
        )
    return None, []


def read_checkpoint(folder: Path) -> Saved:
    """Reads a checkpoint folder.

    Raises:
        DamagedCheckpointError: a file is missing, damaged or not as it was written.
        TrainingError: the state of the optimizer was removed.
    """
    if not (folder / "optimizer.pt").is_file():
        raise TrainingError(
            f"{folder} lacks optimizer.pt, so the training cannot continue as it would have: "
            f"remove {folder.name} to resume from the checkpoint before it, or start a run in "
            f"another folder with --init {folder}"
        )
    check_files(folder)
    try:
        tokens = tokens_of(folder)
        if tokens is None:
            raise DamagedCheckpointError(f"{folder} is damaged: it lacks vocab.json")
        state = json.loads((folder / "trainer_state.json").read_text("utf-8"))
        return Saved(
            folder,
            tokens,
            _weights(folder),
            _load(folder / "optimizer.pt"),
            _load(folder / "scaler.pt") if (folder / "scaler.pt").is_file() else None,
            RunState.load(folder),
            state["log_history"],
        )
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DamagedCheckpointError(f"{folder} is damaged: {reason}") from error


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    weights = load_file(folder / "model.safetensors")
    lora = folder / f"{LORA}.safetensors"
    return separated(weights, load_file(lora)) if lora.is_file() else weights


def _load(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return found
