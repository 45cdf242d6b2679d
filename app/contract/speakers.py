"""The known speakers of a caller: POST, GET and DELETE of /speakers."""

import re
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from .options import MAX_TRACK_CHARACTERS

MAX_NAME_CHARACTERS = 100
MIN_SAMPLE_SECONDS = 2.0
MAX_SAMPLE_SECONDS = 60.0
MAX_KNOWN_SPEAKERS = 1000
"""Samples that one caller may keep."""

# Labels of speakers without a name, and of channels.
_RESERVED = re.compile(r"(speaker|channel) \d+", re.IGNORECASE)


class SampleOptions(BaseModel):
    """The fields of POST /speakers, each in the query or in the form."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        None, description="What the speaker is called in transcripts.", examples=["Kari Nordmann"]
    )
    track: str | None = Field(
        None,
        max_length=MAX_TRACK_CHARACTERS,
        description="Which audio track to read: its index, from 0, or a language tag.",
    )
    strict: bool = Field(False, description="Whether to refuse what would be read with a warning.")
    encoding: str | None = Field(None, description="The file is raw samples in this encoding.")
    rate: int | None = Field(None, description="Of raw samples, in Hz.")
    channels: int | None = Field(None, description="Of raw samples; 1 by default.")
    timeout: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Deadline, in seconds from the beginning of the request.",
    )


class KnownSpeaker(BaseModel):
    """A speaker whose voice is kept: as an embedding, without the sample."""

    model_config = ConfigDict(title="KnownSpeakerBody", use_attribute_docstrings=True, frozen=True)

    id: str = Field(examples=["spk_5f0c6a1e9b7d4c3fa2e80d1b6c4f7a95"])
    """Names the sample in other requests."""
    name: str = Field(examples=["Kari Nordmann"])
    """What the speaker is called in transcripts; several samples may have one name."""
    seconds: float = Field(examples=[12.4])
    """How long the speaker speaks in the sample."""
    created_at: datetime
    """When the sample was sent."""


class KnownSpeakers(BaseModel):
    """The known speakers of the caller, the oldest first."""

    model_config = ConfigDict(title="KnownSpeakersBody", use_attribute_docstrings=True, frozen=True)

    speakers: tuple[KnownSpeaker, ...]
    """One entry for each sample."""


def parse_speaker_name(name: str | None) -> str:
    """Returns a speaker's name without white space around it.

    Raises:
        ValueError: it is none; says what is accepted.
    """
    stripped = (name or "").strip()
    if not stripped or len(stripped) > MAX_NAME_CHARACTERS or not stripped.isprintable():
        raise ValueError(f"accepted: printable text of 1 to {MAX_NAME_CHARACTERS} characters")
    if is_numbered_label(stripped):
        raise ValueError("accepted: a name that is no label of an unknown speaker or a channel")
    return stripped


def is_numbered_label(label: str) -> bool:
    """Returns whether a label is that of a speaker without a name or of a channel."""
    return _RESERVED.fullmatch(label) is not None
