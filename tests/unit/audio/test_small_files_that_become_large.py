"""Small files must not make the decoder take much memory or time before it refuses them."""

import io
import struct
from collections.abc import Iterator

import pytest
from audio_samples import flac_bomb, make
from audio_timelines import LAYOUTS, bursts, mux

from app.audio import AudioLimits, DecodeOptions, Samples
from app.audio.decode import decode_into
from app.errors import AudioError, TooLargeError


class Counting:
    """A sink that keeps nothing: how many samples came, and the largest block."""

    def __init__(self) -> None:
        self.samples = 0
        self.largest = 0

    def append(self, block: Samples) -> None:
        self.samples += block.size
        self.largest = max(self.largest, block.size)


def decoded(data: bytes, **limits: float) -> Counting:
    sink = Counting()
    decode_into(
        sink,
        io.BytesIO(data),
        options=DecodeOptions(),
        limits=AudioLimits(**{"max_seconds": 24 * 3_600, **limits}),
    )
    return sink


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


def mp4(*, edits: int = 1, tracks: int = 1) -> bytes:
    """The chirp, played as many times over as there are edits, in as many tracks."""
    data = make("m4a-aac")
    edit = struct.pack(">IiHH", 1_000, 1_024, 1, 0)
    out = b""
    for kind, payload in boxes(data):
        if kind != b"moov":
            out += box(kind, payload)
            continue
        index = b""
        for inner, content in boxes(payload):
            if inner != b"trak":
                index += box(inner, content)
                continue
            parts = b"".join(box(k, c) for k, c in boxes(content) if k != b"edts")
            parts += box(b"edts", box(b"elst", struct.pack(">II", 0, edits) + edit * edits))
            index += tracks * box(inner, parts)
        out += box(b"moov", index)
    return out


def test_few_edits_are_decoded() -> None:
    assert decoded(mp4(edits=20)).samples / 16_000 == pytest.approx(20, abs=0.2)


def test_too_many_edits_are_refused_before_ffmpeg_opens_the_file() -> None:
    with pytest.raises(AudioError, match="more than the 1,000 edits"):
        decoded(mp4(edits=1_001))
    with pytest.raises(AudioError, match="more than the 10 edits"):
        decoded(mp4(edits=11), max_edits=10)


def test_too_many_tracks_are_refused_before_ffmpeg_opens_the_file() -> None:
    with pytest.raises(AudioError, match="more than the 64 tracks"):
        decoded(mp4(tracks=900))


def test_minutes_of_constant_sound_are_decoded_in_small_blocks() -> None:
    sink = decoded(flac_bomb(0.25))
    assert sink.samples / 16_000 == pytest.approx(900, abs=1)
    assert sink.largest <= 262_144


def test_gap_of_an_hour_is_filled_in_small_blocks() -> None:
    layout = LAYOUTS["webm"]
    data = mux(layout, bursts([0.5], 2, layout.rate), pause=(1.0, 3_000.0))
    sink = decoded(data)
    assert len(data) < 20_000
    assert sink.samples / 16_000 == pytest.approx(3_002, abs=0.1)
    assert sink.largest <= 262_144
    with pytest.raises(TooLargeError):
        decoded(data, max_seconds=600)
