"""Corrected transcripts: read from a file, timed by what was recognised, exported for training."""

from app.corrections.data_folder import DataFolder, FolderSummary, SplitSummary, TrainingLine
from app.corrections.lines import training_lines
from app.corrections.reading import ACCEPTED, CorrectionFormatError, read_correction

__all__ = [
    "ACCEPTED",
    "CorrectionFormatError",
    "DataFolder",
    "FolderSummary",
    "SplitSummary",
    "TrainingLine",
    "read_correction",
    "training_lines",
]
