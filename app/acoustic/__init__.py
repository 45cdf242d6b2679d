"""Checkpoint folder → encoder; samples → emissions. The only room that imports torch."""

from app.acoustic.checkpoint import AcousticModel, load_checkpoint
from app.acoustic.speed import layer_seconds

__all__ = ["AcousticModel", "layer_seconds", "load_checkpoint"]
