"""Compares models and running servers on the same recordings."""

from trainer.comparison.compare import Comparison, compare
from trainer.comparison.opening import Options, open_systems
from trainer.comparison.report import report
from trainer.comparison.summary import summarise
from trainer.comparison.system import System, Transcripts

__all__ = [
    "Comparison",
    "Options",
    "System",
    "Transcripts",
    "compare",
    "open_systems",
    "report",
    "summarise",
]
