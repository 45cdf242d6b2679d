"""What was noticed about a recording while it was read: kept for the answer, or refused.

Codes and messages flow in; `Notice`s flow out. Where the sender chose `strict`, the first of them
is an error with the same words.
"""

from app.contract.answers import Notice
from app.errors import AudioError

# Every code that decoding gives, and what it means; `docs/http.md` has this table.
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
    "timestamp_jump": "the file's clock jumps where recordings were joined; the audio goes on "
    "without a gap",
    "silent_track": "the track that was read is silent, and another has sound",
}


class Findings:
    """Notices about one recording, each code once.

    Args:
        strict: refuse at the first one.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._notices: dict[str, Notice] = {}

    def add(self, code: str, message: str) -> None:
        """Note one thing; of several with one code, the first is kept.

        Args:
            code: one of `CODES`.
            message: what was found and what was done about it, as a sentence.

        Raises:
            AudioError: notices are refused.
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
    def notices(self) -> tuple[Notice, ...]:
        """All of them, in the order they were found."""
        return tuple(self._notices.values())
