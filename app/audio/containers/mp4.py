"""Checks that the boxes of an MP4 are complete, and its numbers of tracks and edits.

FFmpeg allocates memory for each track and copies its index for each edit, so this is checked before
it opens the file. Source: ISO/IEC 14496-12 sections 4.2, 8.3 and 8.6.6.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.audio.options import AudioLimits
from app.errors import AudioError

_HEADER_BYTES = 8
# More boxes than any writer makes; bounds the work on a damaged file.
_MAX_BOXES = 100_000
_PAYLOAD_BOXES = {b"moov", b"mdat", b"moof"}


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    payload: int
    end: int


def measure_mp4(stream: BinaryIO, size: int, limits: AudioLimits) -> tuple[int, int]:
    """Returns the size of the first box that is cut short and its missing bytes; else zeros.

    Args:
        stream: seekable.
        size: bytes in the stream.
        limits: of tracks and edits.

    Raises:
        AudioError: there is no index, or it has more tracks or edits than are accepted.
    """
    kinds = set[bytes]()
    for box in _boxes(stream, 0, size):
        kinds.add(box.kind)
        if box.kind in _PAYLOAD_BOXES and box.end > size:
            start = box.payload - _HEADER_BYTES
            return box.end - start, box.end - size
        if box.kind == b"moov":
            _check_index(stream, box, limits)
    if kinds and b"moov" not in kinds:
        raise AudioError(
            "The MP4 file has no index (moov box): it was cut short, or its recording was never "
            "finished. Send the whole file."
        )
    return 0, 0


def _check_index(stream: BinaryIO, moov: _Box, limits: AudioLimits) -> None:
    tracks = edits = 0
    for track in _boxes(stream, moov.payload, moov.end):
        if track.kind != b"trak":
            continue
        tracks += 1
        if tracks > limits.max_tracks:
            raise AudioError(
                f"The MP4 file has more than the {limits.max_tracks} tracks that are accepted."
            )
        for container in _boxes(stream, track.payload, track.end):
            if container.kind != b"edts":
                continue
            for box in _boxes(stream, container.payload, container.end):
                if box.kind != b"elst":
                    continue
                stream.seek(box.payload + 4)
                edits += int.from_bytes(stream.read(4), "big")
                if edits > limits.max_edits:
                    raise AudioError(
                        f"The MP4 file has more than the {limits.max_edits:,} edits that are "
                        "accepted. Export it as one piece."
                    )


def _boxes(stream: BinaryIO, at: int, end: int) -> Iterator[_Box]:
    """Yields the boxes between two offsets; the last may extend beyond."""
    for _ in range(_MAX_BOXES):
        if at + _HEADER_BYTES > end:
            return
        stream.seek(at)
        header = stream.read(2 * _HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return
        length, kind = struct.unpack(">I4s", header[:_HEADER_BYTES])
        payload = at + _HEADER_BYTES
        if length == 1:
            length = int.from_bytes(header[_HEADER_BYTES:], "big")
            payload += _HEADER_BYTES
        elif length == 0:
            length = end - at
        if length < payload - at:
            return
        yield _Box(kind, payload, at + length)
        at += length
