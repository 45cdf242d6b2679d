"""Calibrates the confidences and word times of a checkpoint on held-out speech."""

from trainer.calibration.calibrate import Measured, Outcome, calibrate

__all__ = ["Measured", "Outcome", "calibrate"]
