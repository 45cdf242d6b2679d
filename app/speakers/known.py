"""Gives the speakers of a recording the names of known voices."""

from collections.abc import Mapping, Sequence

from app.speakers.types import Embedding, KnownVoice

SIMILARITY = 0.5
"""Cosine similarity from which a speaker has the name of a known voice."""


def name_speakers(voices: Mapping[int, Embedding], known: Sequence[KnownVoice]) -> dict[int, str]:
    """Returns the names of speakers, by their numbers; those like no known voice have none.

    A name is given once: to the speaker whose voice is nearest. The nearest pair comes first.

    Args:
        voices: of the speakers, by their numbers.
        known: those with names; of several with one name, the nearest counts.
    """
    pairs = sorted(
        (
            (float(voice @ each.embedding), speaker, each.name)
            for speaker, voice in voices.items()
            for each in known
        ),
        reverse=True,
    )
    names: dict[int, str] = {}
    for similarity, speaker, name in pairs:
        if similarity < SIMILARITY:
            break
        if speaker not in names and name not in names.values():
            names[speaker] = name
    return names
