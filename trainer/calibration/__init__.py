"""A checkpoint and held-out speech in, a calibration of its confidences and word times out."""

from trainer.calibration.calibrate import Measured, Outcome, calibrate

__all__ = ["Measured", "Outcome", "calibrate"]
