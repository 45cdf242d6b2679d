"""Checkpoint and speech in, error rates and what lies behind them out."""
