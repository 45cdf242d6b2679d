"""Trains a model by a recipe, with checkpoints and a log."""

from trainer.training.log import LOG_COLUMNS
from trainer.training.progress import Progress
from trainer.training.run import fit

__all__ = ["LOG_COLUMNS", "Progress", "fit"]
