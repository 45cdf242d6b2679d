"""Maps OpenAI's model names to the model to route to.

Their names for transcription models stand for any loaded model that serves the language.
"""

import re

from app.errors import UnknownModelError

ALIASES = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
)
_DIARIZING = "gpt-4o-transcribe-diarize"
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def is_alias(name: str) -> bool:
    """Whether it is one of OpenAI's names, with or without a date."""
    return _SNAPSHOT.sub("", name) in ALIASES


def routed_model(name: str | None) -> str | None:
    """Returns the model to route to; None lets the language choose.

    Raises:
        UnknownModelError: the name stands for a feature that is not supported.
    """
    if name is None or is_alias(name):
        return None
    if name == _DIARIZING:
        raise UnknownModelError(
            f"{_DIARIZING} separates speakers, which is not supported; accepted: "
            f"{', '.join(ALIASES)}, or a model of GET /v1/models.",
            param="model",
        )
    return name
