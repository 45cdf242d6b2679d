"""Measures the error rates of a checkpoint, and which errors they consist of."""

from trainer.evaluation.emissions import Emitted, compute_emissions
from trainer.evaluation.measure import Evaluation, evaluate
from trainer.evaluation.report import EVALUATION, headline, write_report
from trainer.evaluation.summary import summarise
from trainer.evaluation.test_set import TestSet, read_data, read_manifest

__all__ = [
    "EVALUATION",
    "Emitted",
    "Evaluation",
    "TestSet",
    "compute_emissions",
    "evaluate",
    "headline",
    "read_data",
    "read_manifest",
    "summarise",
    "write_report",
]
