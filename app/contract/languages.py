"""The detection of a recording's language: its options, and what the answer has of it."""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from pydantic import ConfigDict

from .fields import Confidence, schema_config

DetectionMode: TypeAlias = Literal["auto", "auto-each"]

AUTO: DetectionMode = "auto"
"""One language for the whole recording."""
AUTO_EACH: DetectionMode = "auto-each"
"""A language for each utterance."""


def detection_mode(language: str | None) -> DetectionMode | None:
    """Returns how the option `language` has the language detected; None where it names one."""
    folded = (language or "").strip().casefold().replace("_", "-")
    return AUTO if folded == AUTO else AUTO_EACH if folded == AUTO_EACH else None


@dataclass(frozen=True, slots=True)
class DetectedLanguage:
    """One of the languages that a recording may be in."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("DetectedLanguageBody")

    language: str
    """Its code."""
    model: str
    """Id of the model that transcribes it."""
    probability: Confidence
    """How likely it is; with language=auto-each the share of the speech that is in it."""
