"""Averages the weights of a run's last checkpoints."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from app.acoustic.weights import read_weights
from trainer.errors import DataError

_NAME = re.compile(r"checkpoint-(\d+)")


def last_checkpoints(run: Path, count: int) -> list[Path]:
    """Returns the last `count` folders `checkpoint-STEP` of a run, by step.

    Raises:
        DataError: there are fewer.
    """
    found = sorted(
        (int(match[1]), path)
        for path in run.glob("checkpoint-*")
        if (match := _NAME.fullmatch(path.name)) and (path / "config.json").is_file()
    )
    if len(found) < count:
        raise DataError(
            f"{run} has {len(found)} checkpoints, {count} are required; the recipe's "
            "keep_checkpoints sets how many are kept"
        )
    return [path for _, path in found[-count:]]


def average_checkpoints(folders: Sequence[Path]) -> dict[str, torch.Tensor]:
    """Returns the mean of each weight, in float32, under the names that `read_weights` has.

    The mean of the last checkpoints lies nearer the middle of the minimum that the optimiser
    circles in (Izmailov et al. 2018, arXiv:1803.05407). Summed one folder after the other, so
    that memory holds two of them and not all.

    Raises:
        CheckpointError: weights are missing or cannot be read.
        DataError: the checkpoints are not of one model.
    """
    total: dict[str, torch.Tensor] = {}
    for folder in folders:
        weights = read_weights(folder)
        if not total:
            total = {name: weight.float().clone() for name, weight in weights.items()}
            continue
        if {name: weight.shape for name, weight in weights.items()} != {
            name: weight.shape for name, weight in total.items()
        }:
            raise DataError(f"{folder} is a checkpoint of another model than {folders[0]}")
        for name, weight in weights.items():
            total[name] += weight
    return {name: weight / len(folders) for name, weight in total.items()}
