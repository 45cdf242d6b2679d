"""Maps OpenAI's model names to the model to route to.

Their names for transcription models stand for any loaded model that serves the language.
"""

import re

from app.errors import UnknownModelError

_DIARIZING = "gpt-4o-transcribe-diarize"
ALIASES = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    _DIARIZING,
)
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def is_alias(name: str) -> bool:
    """Whether it is one of OpenAI's names, with or without a date."""
    return _SNAPSHOT.sub("", name) in ALIASES


def routed_model(name: str | None) -> str | None:
    """Returns the model to route to; None lets the language choose."""
    return None if name is None or is_alias(name) else name


def live_model(name: str | None) -> str | None:
    """Returns the model to route a live stream to; None lets the language choose.

    Raises:
        UnknownModelError: the name stands for telling speakers apart.
    """
    if name == _DIARIZING:
        raise UnknownModelError(
            f"{_DIARIZING} tells speakers apart, which takes a whole recording; accepted: "
            f"{', '.join(each for each in ALIASES if each != _DIARIZING)}, or a model of "
            "GET /v1/models.",
            param="model",
        )
    return routed_model(name)
