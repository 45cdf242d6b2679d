"""Viterbi search for the best path through given tokens, compiled where possible."""

from app.decoding.align.trellis import Indexes, Kernel, Scores, Trellis
from app.decoding.align.viterbi import best_path, default_kernel

__all__ = ["Indexes", "Kernel", "Scores", "Trellis", "best_path", "default_kernel"]
