"""Audio that is decoded while it is still being written."""

import io
import os
import threading

import numpy as np
import pytest
from audio_samples import make

from app.audio import SAMPLE_RATE, AudioLimits, decode_audio, decode_live
from app.errors import AudioError, UnsupportedAudioError

LIMITS = AudioLimits(max_seconds=60)


class Trickle(io.RawIOBase):
    """A source that gives at most so many bytes at once, and keeps how many were read."""

    def __init__(self, data: bytes, at_once: int) -> None:
        super().__init__()
        self._data, self._at_once, self.read_bytes = data, at_once, 0

    def read(self, size: int = -1, /) -> bytes:
        size = self._at_once if size < 0 else min(size, self._at_once)
        piece = self._data[self.read_bytes : self.read_bytes + size]
        self.read_bytes += len(piece)
        return piece


def tagged(data: bytes, picture: int) -> bytes:
    """Puts an ID3 tag in front, with a picture of so many bytes."""
    body = b"APIC" + picture.to_bytes(4, "big") + b"\0\0" + b"\x89" * picture
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + body + data


def assert_whole(pieces: list[np.ndarray], data: bytes) -> None:
    whole = decode_audio(io.BytesIO(data), limits=LIMITS)
    np.testing.assert_allclose(
        np.concatenate(pieces), whole.slice(0, whole.samples), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("at_once", [1, 4096])
@pytest.mark.parametrize("name", ["flac", "ogg-vorbis", "mpeg-ts"])
def test_small_pieces_give_the_samples_of_the_whole_file(name: str, at_once: int) -> None:
    data = make(name, seconds=0.2)
    assert_whole(list(decode_live(Trickle(data, at_once))), data)


def test_samples_come_before_the_end_is_written() -> None:
    reading, writing = os.pipe()
    data = make("flac", seconds=4.0)
    with io.FileIO(reading) as source:
        with io.FileIO(writing, "wb") as sink:
            threading.Thread(target=sink.write, args=(data[: len(data) // 2],)).start()
            pieces = decode_live(source)
            first = next(pieces)
            assert 0 < len(first) < 2.1 * SAMPLE_RATE
            threading.Thread(target=sink.write, args=(data[len(data) // 2 :],)).start()
            received = [first]
            while sum(map(len, received)) < 3 * SAMPLE_RATE:
                received.append(next(pieces))
        received += list(pieces)
        assert not source.closed
    assert_whole(received, data)


@pytest.mark.parametrize("picture", [0, 50_000, 300_000])
def test_tag_with_a_picture_in_front_is_skipped(picture: int) -> None:
    data = make("mp3", seconds=0.5)
    pieces = list(decode_live(Trickle(tagged(data, picture), 10_000)))
    assert sum(map(len, pieces)) == pytest.approx(0.5 * SAMPLE_RATE, abs=0.06 * SAMPLE_RATE)


def test_what_is_no_audio_is_refused_before_all_of_it_is_read() -> None:
    source = Trickle(b"no audio at all " * 100_000, 1000)
    with pytest.raises(UnsupportedAudioError):
        list(decode_live(source))
    assert source.read_bytes < 100_000
    with pytest.raises(AudioError):
        list(decode_live(Trickle(b"", 1000)))


@pytest.mark.long
def test_tag_without_an_end_is_refused_at_16_mib() -> None:
    source = Trickle(tagged(b"", 2**27), 2**20)
    with pytest.raises(AudioError, match="nothing but an ID3 tag"):
        list(decode_live(source))
    assert source.read_bytes == 2**24


def test_damaged_part_leaves_what_follows_at_its_time() -> None:
    data = make("flac", seconds=2.0)
    middle = len(data) // 2
    damaged = data[:middle] + bytes(200) + data[middle + 200 :]
    whole, received = (
        np.concatenate(list(decode_live(Trickle(file, 4096)))) for file in (data, damaged)
    )
    assert len(received) == len(whole)
    last = slice(-SAMPLE_RATE // 2, None)
    np.testing.assert_allclose(received[last], whole[last], atol=1e-6)
