"""Checkpoint and speech in, error rates and what lies behind them out."""

from trainer.evaluation.emissions import Emitted, compute_emissions

__all__ = ["Emitted", "compute_emissions"]
