"""The names that OpenAI's clients give models in, what routes a request out.

Their names for transcription models stand for "whichever of ours serves the language".
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
    """Whether it is one of their names, perhaps with a date."""
    return _SNAPSHOT.sub("", name) in ALIASES


def routed_model(name: str | None) -> str | None:
    """The model to ask the router for; None lets the language choose.

    Raises:
        UnknownModelError: the name stands for something that is not done here.
    """
    if name is None or is_alias(name):
        return None
    if name == _DIARIZING:
        raise UnknownModelError(
            f"{_DIARIZING} tells speakers apart, which is not done here; accepted: "
            f"{', '.join(ALIASES)}, or a model of GET /v1/models.",
            param="model",
        )
    return name
