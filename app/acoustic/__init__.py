"""Loads checkpoints and computes emissions; the only package that imports torch."""

from app.acoustic.checkpoint import AcousticModel, load_checkpoint
from app.acoustic.speed import layer_seconds

__all__ = ["AcousticModel", "layer_seconds", "load_checkpoint"]
