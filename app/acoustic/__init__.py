"""Checkpoint folder → encoder; samples → emissions. The only room that imports torch."""

from app.acoustic.checkpoint import AcousticModel, load_checkpoint

__all__ = ["AcousticModel", "load_checkpoint"]
