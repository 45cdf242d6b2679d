"""Names and media types of recordings, as the formats need them."""

import mimetypes
from pathlib import PurePosixPath

_MEDIA = ("audio", "video")


def media_of(recording: str) -> str | None:
    """Returns the name without folders if it ends like a file of audio or video, None otherwise."""
    name = _file_name(recording)
    return name if media_type(name).startswith(_MEDIA) else None


def stem_of(recording: str) -> str:
    """Returns the name without folders, and without its ending if that is one of audio or video."""
    name = media_of(recording)
    return _file_name(recording) if name is None else PurePosixPath(name).stem


def media_type(name: str) -> str:
    """Returns the media type of a file name, by its ending."""
    return mimetypes.guess_type(f"file:{name}")[0] or "application/octet-stream"


def _file_name(recording: str) -> str:
    # Clients on Windows send their own separators.
    return recording.replace("\\", "/").rpartition("/")[2]
