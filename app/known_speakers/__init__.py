"""Speakers whose names and voices callers have kept; off unless the operator allows it.

A sample becomes an embedding of 192 values, which is biometric data. The sample is not kept.
"""

from app.known_speakers.build import build_known_speakers
from app.known_speakers.samples import SampleRules, VoiceSample, VoiceSampler
from app.known_speakers.service import KnownSpeakers

__all__ = [
    "KnownSpeakers",
    "SampleRules",
    "VoiceSample",
    "VoiceSampler",
    "build_known_speakers",
]
