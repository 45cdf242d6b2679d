"""Writes an annotation document of ELAN: tiers of utterances and words, for each speaker."""

from pympi import Eaf
from pympi.Elan import to_string

from .recordings import media_type
from .timeline import Timeline, tier_names


def to_eaf(timeline: Timeline, *, media: str | None = None) -> str:
    """Writes the document; ELAN counts in milliseconds.

    Args:
        timeline: of the recording.
        media: file name of the recording, for ELAN to open it from the document's own folder.
    """
    document = Eaf(author="nordlyd")
    document.remove_tier("default")
    if media is not None:
        document.add_linked_file(media, relpath=f"./{media}", mimetype=media_type(media))
    for (utterances, words), track in tier_names(timeline).items():
        speaker = next((item.speaker for item in track.utterances), None)
        for name, items in ((utterances, track.utterances), (words, track.words)):
            document.add_tier(name, part=speaker)
            for item in items:
                document.add_annotation(name, item.start, item.end, item.text)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{to_string(document)}'
