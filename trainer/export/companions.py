"""Copies what belongs to a model beside its weights: card, calibration, evaluation, samples."""

import shutil
from pathlib import Path

COMPANIONS = (
    "LICENSE",
    "README.md",
    "calibration.json",
    "counts.json",
    "curve.png",
    "evaluation.json",
    "language_model.json",
    "language_model.png",
    "model.toml",
    "recipe.toml",
    "reliability.png",
    "report.html",
    "report.md",
    "run.json",
    "samples",
    "training_log.csv",
)
"""Files and folders that describe a model; `model.toml` decides which languages it serves."""


def copy_companions(source: Path, folder: Path) -> list[str]:
    """Copies the companions that a model folder has, and returns their names."""
    copied = []
    for name in COMPANIONS:
        found = source / name
        if found.is_dir():
            shutil.copytree(found, folder / name, dirs_exist_ok=True)
        elif found.is_file():
            shutil.copyfile(found, folder / name)
        else:
            continue
        copied.append(name)
    return copied
