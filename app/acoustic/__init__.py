"""Loads checkpoints and computes emissions; the only package that imports torch."""

from app.acoustic.checkpoint import AcousticModel, Outline, load_checkpoint, read_outline
from app.acoustic.speed import layer_seconds

__all__ = ["AcousticModel", "Outline", "layer_seconds", "load_checkpoint", "read_outline"]
