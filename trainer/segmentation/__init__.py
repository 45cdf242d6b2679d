"""Cuts long recordings with their transcripts into pieces to train on."""

from trainer.segmentation.folder import check_output
from trainer.segmentation.pairs import find_pairs
from trainer.segmentation.run import REPORT, segment
from trainer.segmentation.segment import Segmenter
from trainer.segmentation.written import normalise_transcript

__all__ = [
    "REPORT",
    "Segmenter",
    "check_output",
    "find_pairs",
    "normalise_transcript",
    "segment",
]
