"""OpenAI's known speakers: names, and samples of their voices as data URLs (RFC 2397)."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from app.audio import DecodeOptions
from app.contract.speakers import parse_speaker_name
from app.errors import InvalidRequestError
from app.known_speakers import SampleRules, VoiceSampler
from app.speakers import KnownVoice

MAX_REFERENCES = 4
MAX_REFERENCE_BYTES = 4 * 2**20
"""Of a data URL; ten seconds of stereo with 24 bits at 48 kHz take less."""
NAMES = "known_speaker_names"
REFERENCES = "known_speaker_references"

_RULES = SampleRules(2.0, 10.0, param=REFERENCES)
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Reference:
    """A name, and the recording that has the voice."""

    name: str
    recording: bytes


def parse_references(names: Sequence[str], urls: Sequence[str]) -> tuple[Reference, ...]:
    """Returns the known speakers of a form.

    Raises:
        InvalidRequestError: a name or a data URL is not valid, or there is not one for each.
    """
    if len(names) != len(urls):
        raise InvalidRequestError(
            f"There are {len(names)} {NAMES} and {len(urls)} {REFERENCES}; accepted: one "
            "reference for each name.",
            param=REFERENCES if names else NAMES,
        )
    if len(names) > MAX_REFERENCES:
        raise InvalidRequestError(
            f"There are {len(names)} {NAMES}; accepted: up to {MAX_REFERENCES}.", param=NAMES
        )
    parsed = [_parse_name(name) for name in names]
    if len(set(parsed)) < len(parsed):
        raise InvalidRequestError(f"A name is twice in {NAMES}; accepted: once.", param=NAMES)
    return tuple(Reference(name, _decode(url)) for name, url in zip(parsed, urls, strict=True))


async def read_voices(
    sampler: VoiceSampler, references: Sequence[Reference], *, caller: str, request_id: str
) -> tuple[KnownVoice, ...]:
    """Returns the voices of known speakers; nothing is kept of them.

    Raises:
        AudioError: a reference is no audio.
        InvalidRequestError: it is not from 2 to 10 s long, or not of one person.
    """
    voices = []
    for reference in references:
        sample = await sampler.read(
            BytesIO(reference.recording),
            _RULES,
            audio=DecodeOptions(),
            caller=caller,
            request_id=request_id,
        )
        voices.append(KnownVoice(reference.name, sample.embedding))
    return tuple(voices)


def _parse_name(name: str) -> str:
    try:
        return parse_speaker_name(name)
    except ValueError as error:
        raise InvalidRequestError(f"{NAMES} has {name[:100]!r}: {error}.", param=NAMES) from None


def _decode(url: str) -> bytes:
    head = _DATA_URL.match(url)
    if head is not None:
        try:
            return base64.b64decode(url[head.end() :], validate=True)
        except ValueError:
            head = None
    raise InvalidRequestError(
        f"{REFERENCES} has {url[:_SHOWN_CHARACTERS]!r}; accepted: data URLs of audio, such as "
        "data:audio/wav;base64,UklGR….",
        param=REFERENCES,
    )
