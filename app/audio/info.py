"""What a recording's file is, as an answer describes it under `audio`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """One audio track of a file.

    Attributes:
        index: its number among the audio tracks, from 0: what `track` takes.
        codec: FFmpeg's name of it, such as `aac`; empty where it is unknown.
        channels: how many.
        rate: samples per second of one channel.
        language: its language tag, as the file gives it; None where it gives none.
    """

    index: int
    codec: str
    channels: int
    rate: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """The container of a recording, its audio tracks, and which of them was read.

    Attributes:
        container: its name for people, such as `MP4 or M4A`.
        tracks: all audio tracks, in the order of the file; at least one.
        track: the index of the one that was read.
    """

    container: str
    tracks: tuple[TrackInfo, ...]
    track: int = 0
