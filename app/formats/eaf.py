"""A transcript in, an annotation document of ELAN out: tiers of segments and of words."""

import mimetypes
from pathlib import Path
from tempfile import TemporaryDirectory

from pympi import Eaf
from pympi.Elan import to_eaf as write

from app.formats.intervals import Interval, apart
from app.transcript import Transcript


def to_eaf(transcript: Transcript, *, media: str | None = None) -> str:
    """Write the document; ELAN counts in milliseconds.

    Args:
        transcript: what was said.
        media: path or name of the recording, for ELAN to open with it.
    """
    document = Eaf(author="nordlyd")
    document.remove_tier("default")
    if media is not None:
        kind = mimetypes.guess_type(media)[0] or "application/octet-stream"
        document.add_linked_file(media, mimetype=kind)
    for name, items in (("segments", transcript.segments), ("words", transcript.words)):
        document.add_tier(name)
        for item in apart(Interval(entry.start, entry.end, entry.text) for entry in items):
            document.add_annotation(
                name, round(item.start * 1000), round(item.end * 1000), item.text
            )
    # pympi writes files only.
    with TemporaryDirectory() as folder:
        file = Path(folder) / "transcript.eaf"
        write(str(file), document)
        return file.read_text(encoding="utf-8")
