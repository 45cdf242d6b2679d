"""Exports a model, a run or a checkpoint for transformers, the service and other runtimes."""

from trainer.export.average import average_checkpoints, last_checkpoints
from trainer.export.folder import Exported, Format, export_folder, export_model, load_stock
from trainer.export.layouts import Layout, declare_language_model
from trainer.export.tokens import Tokens

__all__ = [
    "Exported",
    "Format",
    "Layout",
    "Tokens",
    "average_checkpoints",
    "declare_language_model",
    "export_folder",
    "export_model",
    "last_checkpoints",
    "load_stock",
]
