"""Checkpoint folders of a run: which is the last, how one is finished, which ones may go.

They are named as those of transformers' Trainer, `checkpoint-STEP`, and hold `run_state.json` too.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from trainer.errors import DamagedCheckpointError, DataError, TrainingError
from trainer.lora import LORA, lora_state, merged_state
from trainer.training.disk import writing

STATE_FILE = "run_state.json"
CHECKSUMS = "checkpoint.sha256"
"""As `sha256sum` writes it; `sha256sum -c` reads it."""

_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(slots=True)
class RunState:
    """The state that a resumed run continues its log from.

    `loss_sum` are the losses since `logged_step`, `training_loss` is the mean that was logged
    there. `stale_evaluations` have passed since the best WER.
    """

    loss_sum: float = 0.0
    logged_step: int = 0
    training_loss: float = float("nan")
    best_wer: float = float("inf")
    best_step: int = 0
    stale_evaluations: int = 0

    def save(self, folder: Path) -> None:
        """Writes the state into a checkpoint folder."""
        (folder / STATE_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "RunState":
        """Reads the state of a checkpoint folder."""
        return cls(**json.loads((folder / STATE_FILE).read_text("utf-8")))


def checkpoints(run: Path) -> list[Path]:
    """Returns the complete checkpoint folders of a run, oldest first."""
    found = [
        (int(match[1]), path)
        for path in run.glob("checkpoint-*")
        if (match := _NAME.fullmatch(path.name)) and (path / STATE_FILE).is_file()
    ]
    return [path for _, path in sorted(found)]


def step_of(checkpoint: Path) -> int:
    """Returns the update after which a checkpoint was saved."""
    match = _NAME.fullmatch(checkpoint.name)
    if match is None:
        raise DataError(f"{checkpoint} is no checkpoint folder; they are called checkpoint-STEP")
    return int(match[1])


@contextmanager
def write_folder(final: Path) -> Iterator[Path]:
    """Yields a folder to write to, which takes the final name once everything is on disk.

    A process killed while it writes leaves the final name as it was.

    Raises:
        TrainingError: it cannot be written; the message names the checkpoint before it.
    """
    fresh = final.with_name(f"unfinished-{final.name}")
    try:
        with writing(final):
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            yield fresh
            _write_checksums(fresh)
            for file in fresh.iterdir():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
            shutil.rmtree(final, ignore_errors=True)
            fresh.replace(final)
    except TrainingError as error:
        # Whatever else is written has room again.
        shutil.rmtree(fresh, ignore_errors=True)
        earlier = checkpoints(final.parent)
        more = f"; --resume continues from {earlier[-1].name}" if earlier else ""
        raise TrainingError(f"{error}{more}") from error


def check_files(checkpoint: Path) -> None:
    """Compares the files of a checkpoint with its checksums, where it has any.

    Raises:
        DamagedCheckpointError: a file is missing or is not the one that was written.
    """
    listing = checkpoint / CHECKSUMS
    if not listing.is_file():
        return
    for line in listing.read_text("utf-8", errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        if not name or not (checkpoint / name).is_file():
            raise DamagedCheckpointError(f"{checkpoint} is damaged: it lacks {name or line}")
        if _digest(checkpoint / name) != expected:
            raise DamagedCheckpointError(
                f"{checkpoint} is damaged: {name} does not have the checksum in {CHECKSUMS}"
            )


def set_aside(checkpoint: Path) -> Path:
    """Renames a damaged checkpoint, so that nothing takes it for one, and returns its new place."""
    target = checkpoint.with_name(f"damaged-{checkpoint.name}")
    shutil.rmtree(target, ignore_errors=True)
    return checkpoint.replace(target)


def rotate(run: Path, *, keep: int, spare_step: int | None) -> None:
    """Removes all but the last `keep` checkpoints of a run and the one of `spare_step`."""
    for checkpoint in checkpoints(run)[: -max(1, keep)]:
        if step_of(checkpoint) != spare_step:
            shutil.rmtree(checkpoint)


def write_weights(model: nn.Module, state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Writes `model.safetensors`, which anything reads, and where LoRA trains, `lora.safetensors`.

    The latter has the matrices apart, so that a training is resumed exactly.

    Args:
        model: what is trained.
        state: all of its weights, of which it may hold a part only.
        folder: to write to.
    """
    for name, part in (("model", merged_state(model, state)), (LORA, lora_state(model, state))):
        if part:
            weights = {key: value.contiguous() for key, value in part.items()}
            save_file(weights, folder / f"{name}.safetensors", metadata={"format": "pt"})


def _write_checksums(folder: Path) -> None:
    lines = [f"{_digest(file)}  {file.name}\n" for file in sorted(folder.iterdir())]
    (folder / CHECKSUMS).write_text("".join(lines), "utf-8")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
