"""Synthesises and augments speech."""

from trainer.speech.augmentation import augment, vary
from trainer.speech.prepare import prepare
from trainer.speech.samples import write_samples
from trainer.speech.synthesis import utterances

__all__ = ["augment", "prepare", "utterances", "vary", "write_samples"]
