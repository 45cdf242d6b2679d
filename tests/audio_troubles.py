"""Files with a flaw that every player ignores, each with the warning about it."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import av
from audio_samples import chirp, make, pcm16, wav

from app.audio.containers.elementary_streams import find_frames, parse_header

ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x0bTIT2\x00\x00\x00\x01\x00\x00x"
_SILENT_AMR = b"\x7c"
_FRAME_AMR = 32


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file, the seconds that are in it, and the code of the notice it is read with."""

    build: Callable[[], bytes]
    seconds: float
    code: str


def mp3_frames(data: bytes) -> list[int]:
    """Where each frame of an MP3 begins, and where the last one ends."""
    found = find_frames(data)
    assert found is not None
    at, offsets = found[0], []
    while (header := parse_header(data, at)) is not None:
        offsets.append(at)
        at += header.length
    return [*offsets, at]


def mp3_cut_at_a_frame(share: float = 0.5) -> bytes:
    """An MP3 whose Xing header counts more frames than there are, the last of which is whole."""
    data = make("mp3", seconds=4)
    frames = mp3_frames(data)
    return data[: frames[round(share * len(frames))]]


def _mp3_with_a_piece_cut_out() -> bytes:
    data = make("mp3", seconds=4)
    frames = mp3_frames(data)
    # Cut within frames; the rest is shorter than the header declares, but ends with a whole frame.
    return data[: frames[40] + 100] + data[frames[44] + 30 :]


def _amr_with_pauses() -> bytes:
    data = make("amr", seconds=2)
    head = len(b"#!AMR\n")
    quiet = head + 40 * _FRAME_AMR
    return data[:quiet] + 25 * _SILENT_AMR + data[quiet + 25 * _FRAME_AMR :]


def ogg_page(body: bytes, *, serial: bytes, number: int, granule: bytes, flags: int) -> bytes:
    """One page of one packet, RFC 3533 section 6."""
    page = b"OggS\0" + bytes([flags]) + granule + serial + number.to_bytes(4, "little")
    page += bytes(4) + bytes([1, len(body)]) + body
    return page[:22] + _ogg_crc(page).to_bytes(4, "little") + page[26:]


def _ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def _ogg_with_an_empty_packet() -> bytes:
    data = make("ogg-opus")
    last = data.rindex(b"OggS\0")
    return data + ogg_page(
        b"",
        serial=data[last + 14 : last + 18],
        number=int.from_bytes(data[last + 18 : last + 22], "little") + 1,
        granule=data[last + 6 : last + 14],
        flags=4,
    )


def packets(data: bytes) -> list[tuple[int, int]]:
    """Offset and size of each packet of audio."""
    with av.open(io.BytesIO(data)) as container:
        return [(p.pos, p.size) for p in container.demux(audio=0) if p.size]


def m4a_with_bad_packets(count: int) -> bytes:
    """AAC some of whose packets are noise, from the first second on."""
    data = bytearray(make("m4a-aac", seconds=3))
    for at, size in packets(bytes(data))[43 : 43 + count]:
        data[at : at + size] = b"\xff" * size
    return bytes(data)


def piped_rf64() -> bytes:
    """RF64 as a recorder leaves it that writes into a pipe: all sizes are zero."""
    payload = pcm16(chirp(1.0, 16_000))
    form = wav(payload)[12:36]
    sizes = b"ds64\x1c\x00\x00\x00" + bytes(28)
    return b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + payload


_STREAMED = {"declared": 0xFFFFFFFF, "riff": 0xFFFFFFFF}
TROUBLES: dict[str, Trouble] = {
    "tagged MP3s joined": Trouble(
        lambda: 2 * (ID3 + make("mp3", seconds=2)), 4.0, "wrong_length_header"
    ),
    "MP3 with a piece cut out": Trouble(_mp3_with_a_piece_cut_out, 3.9, "resynchronised"),
    "MP3 with junk within": Trouble(
        lambda: (
            (data := make("mp3", seconds=2))[: mp3_frames(data)[30]]
            + b"\x00junk" * 300
            + data[mp3_frames(data)[30] :]
        ),
        2.0,
        "resynchronised",
    ),
    "MP3 whose header counts too much": Trouble(mp3_cut_at_a_frame, 2.0, "wrong_length_header"),
    "MP3 that ends within a frame": Trouble(
        lambda: make("mp3", seconds=2)[:-50], 2.0, "incomplete_last_frame"
    ),
    "MP3 behind 20 kB of zeros": Trouble(
        lambda: ID3 + bytes(20_000) + make("mp3"), 1.0, "padding_skipped"
    ),
    "zeros before FLAC": Trouble(lambda: bytes(5_000) + make("flac"), 1.0, "padding_skipped"),
    "M4A behind a tag": Trouble(lambda: ID3 + make("m4a-aac"), 1.0, "padding_skipped"),
    "WebM behind a tag": Trouble(lambda: ID3 + make("webm-opus"), 1.0, "padding_skipped"),
    "WMA behind a tag": Trouble(lambda: ID3 + make("wma"), 1.0, "padding_skipped"),
    "streamed WAV behind a tag": Trouble(
        lambda: ID3 + wav(pcm16(chirp(1.0, 16_000)), **_STREAMED), 1.0, "padding_skipped"
    ),
    "AMR that pauses": Trouble(_amr_with_pauses, 2.0, "no_data_frames"),
    "Ogg with an empty last packet": Trouble(_ogg_with_an_empty_packet, 1.0, "empty_packets"),
    "AAC with a bad packet": Trouble(lambda: m4a_with_bad_packets(1), 3.0, "missing_data"),
}
