"""Exports a model, a run or a checkpoint as a folder that transformers and the service load."""

from trainer.export.average import average_checkpoints, last_checkpoints
from trainer.export.folder import export_folder, export_model, load_stock
from trainer.export.layouts import Layout
from trainer.export.tokens import Tokens

__all__ = [
    "Layout",
    "Tokens",
    "average_checkpoints",
    "export_folder",
    "export_model",
    "last_checkpoints",
    "load_stock",
]
