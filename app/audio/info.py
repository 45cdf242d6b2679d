"""What is reported about a recording beside its samples: file, tracks and warnings."""

from dataclasses import dataclass

from app.contract.answers import Notice
from app.errors import AudioError

# Every code of a warning from decoding, with its meaning; `docs/http.md` has this table.
CODES = {
    "resynchronised": "bytes within the audio belonged to no frame, or a frame could not be "
    "decoded; they were passed over",
    "incomplete_last_frame": "the stream ends within a frame, as a recorded broadcast does; the "
    "rest of that frame is lost",
    "missing_data": "up to half a second could not be decoded, or part of the file is missing "
    "where its beginning and end are whole; it is silence",
    "no_data_frames": "the recorder left frames without sound; they are silence",
    "empty_packets": "the file has packets without content; they were passed over",
    "wrong_length_header": "the header counts more or less audio than there is, and the audio "
    "ends with a whole frame",
    "padding_skipped": "zeros or a tag that does not belong there come before the audio",
    "timestamp_jump": "the file's clock jumps where recordings were joined; the audio continues "
    "without a gap",
    "silent_track": "the track that was read is silent, and another has sound",
}


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """One audio track of a file.

    Attributes:
        index: its number among the audio tracks, from 0; the value of the option `track`.
        codec: FFmpeg's name of the codec, such as `aac`; empty where it is unknown.
        channels: how many channels it has.
        rate: samples per second of one channel.
        language: its language tag in the file; None where there is none.
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
        container: its display name, such as `MP4 or M4A`.
        tracks: all audio tracks, in the order of the file; at least one.
        track: the index of the one that was read.
    """

    container: str
    tracks: tuple[TrackInfo, ...]
    track: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """The result of decoding, beside the samples."""

    info: AudioInfo | None = None
    notices: tuple[Notice, ...] = ()


class NoticeCollector:
    """Collects warnings about one recording, each code once.

    Args:
        strict: raise at the first one.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._notices: dict[str, Notice] = {}

    def add(self, code: str, message: str) -> None:
        """Adds a warning; of several with the same code, the first is kept.

        Args:
            code: one of `CODES`.
            message: what is wrong and how the recording was read nevertheless, as a sentence.

        Raises:
            AudioError: `strict` is set.
        """
        if self._strict:
            raise AudioError(
                f"{message} This is refused ({code}) because `strict` is set; without it, the "
                "recording is read with a warning."
            )
        if code not in CODES:
            raise ValueError(f"{code} is not among the documented codes")
        self._notices.setdefault(code, Notice(code, message))

    @property
    def collected(self) -> tuple[Notice, ...]:
        """All warnings, in the order they were added."""
        return tuple(self._notices.values())
