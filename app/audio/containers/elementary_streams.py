"""Frames of elementary streams, which have no container around them.

MPEG audio (MP3 and its older layers), AAC in ADTS and in LATM, AC-3 and E-AC-3. Sources: ISO/IEC
11172-3 section 2.4.1, ISO/IEC 13818-7 section 6.2, ISO/IEC 14496-3 section 1.7.2, ETSI TS 102 366
sections 4.4.1 and E.1.3.1, and the Xing header that encoders put into the first MP3 frame.
"""

from dataclasses import dataclass

from app.audio.containers.formats import Container

HEADER_BYTES = 7
# A recorded broadcast may begin with the rest of a frame, so the search goes a little further.
_SEARCHED = 16_384
# In noise one header occurs by chance, but hardly three in a row.
_CHAIN = 3

_MPEG_SYNC = 0b111_1111_1111
_MPEG_1, _MPEG_2, _MPEG_2_5 = 3, 2, 0
_LAYER_I, _LAYER_II, _LAYER_III, _ADTS = 3, 2, 1, 0
_RATES = {
    _MPEG_1: (44_100, 48_000, 32_000),
    _MPEG_2: (22_050, 24_000, 16_000),
    _MPEG_2_5: (11_025, 12_000, 8_000),
}
_KBITS_1 = {
    _LAYER_I: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    _LAYER_II: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    _LAYER_III: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KBITS_2_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBITS_2 = {
    _LAYER_I: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    _LAYER_II: _KBITS_2_LOW,
    _LAYER_III: _KBITS_2_LOW,
}
_ADTS_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
# Where the Xing tag is in a frame: after side information of 32, 17 or 9 bytes.
_XING_OFFSETS = (36, 21, 13)
_XING_BYTES = 12
_ID3V1_BYTES, _APE_BYTES = 128, 32

_DOLBY_SYNC = b"\x0b\x77"
_DOLBY_HEADER_BYTES = 6
# Words of 16 bits a frame at 48 kHz, for each bit rate of AC-3; other rates have more.
_AC3_KBITS = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160),
    *(192, 224, 256, 320, 384, 448, 512, 576, 640),
)
_AC3_RATES = (48_000, 44_100, 32_000)
_AC3_NEWEST, _EAC3_OLDEST, _EAC3_NEWEST = 10, 11, 16
_AC3_SAMPLES = 1_536
_LOAS_SYNC = 0x2B7


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame: bytes to the next one, sample rate in Hz, samples per channel."""

    adts: bool
    length: int
    rate: int
    samples: int


def parse_header(data: bytes, at: int = 0) -> FrameHeader | None:
    """Returns the MPEG or ADTS frame header at an offset of `data`, or None."""
    header = data[at : at + HEADER_BYTES]
    if len(header) < HEADER_BYTES:
        return None
    bits = int.from_bytes(header, "big") >> 8 * (HEADER_BYTES - 4)
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    if bits >> 21 != _MPEG_SYNC:
        return None
    if layer == _ADTS:
        return _adts(header) if version in {_MPEG_1, _MPEG_2} else None
    return _mpeg(bits, version, layer)


def find_frames(data: bytes) -> tuple[int, FrameHeader] | None:
    """Finds the first run of consecutive MPEG or ADTS frames in `data`.

    A run is three frames, or fewer if the data end first; a single frame counts only at offset 0.

    Returns:
        The offset of the run and its first header, or None.
    """
    at = data.find(b"\xff")
    while 0 <= at < _SEARCHED:
        header = parse_header(data, at)
        if header is not None and _chained(data, at, header):
            return at, header
        at = data.find(b"\xff", at + 1)
    return None


def xing_seconds(data: bytes, at: int, header: FrameHeader) -> float | None:
    """Returns the duration that the Xing or Info header of an MP3 declares, in seconds.

    Args:
        data: the beginning of the stream.
        at: offset of its first frame.
        header: the header of that frame.

    Returns:
        None if there is no such header, or it does not count the frames.
    """
    frame = data[at : at + header.length]
    for offset in _XING_OFFSETS:
        tag = frame[offset : offset + _XING_BYTES]
        if tag[:4] in {b"Xing", b"Info"} and len(tag) == _XING_BYTES and tag[7] & 1:
            frames = int.from_bytes(tag[8:], "big")
            return frames * header.samples / header.rate
    return None


def ends_with_whole_frame(tail: bytes) -> bool:
    """Returns whether a stream ends at the end of a frame, judged by its last bytes.

    Args:
        tail: the last bytes of the stream, some dozens of frames; tags and zeros at its end are
            ignored.
    """
    audio = _without_tags(tail)
    at = audio.find(b"\xff")
    while at >= 0:
        position, count = at, 0
        while (header := parse_header(audio, position)) is not None:
            position += header.length
            count += 1
        if count >= _CHAIN:
            return position <= len(audio) and not audio[position:].strip(b"\0")
        at = audio.find(b"\xff", at + 1)
    return False


def by_frames(head: bytes) -> Container | None:
    """Returns the container, of AC-3, E-AC-3 and LATM, whose frames `head` begins with; or None.

    Three frames are required, or as many as there are.
    """
    for container, length_of in ((None, _dolby), (Container.LOAS, _loas)):
        at, count = 0, 0
        while count < _CHAIN and at < len(head) and (length := length_of(head, at)):
            at += length
            count += 1
        if count == _CHAIN or (count > 1 and at >= len(head)):
            return container or _dolby_kind(head)
    return None


def _without_tags(tail: bytes) -> bytes:
    """Returns the bytes before ID3v1, APE and Lyrics3 tags at the end."""
    while True:
        if tail[-_ID3V1_BYTES:][:3] == b"TAG":
            tail = tail[:-_ID3V1_BYTES]
        elif tail[-_APE_BYTES:][:8] == b"APETAGEX":
            size = int.from_bytes(tail[-20:-16], "little")
            header = _APE_BYTES if tail[-9] & 0x80 else 0
            tail = tail[: max(0, len(tail) - size - header)]
        elif tail.endswith(b"LYRICS200"):
            tail = tail[: tail.rfind(b"LYRICSBEGIN")]
        else:
            return tail


def _chained(data: bytes, at: int, header: FrameHeader) -> bool:
    position = at
    for count in range(1, _CHAIN):
        position += header.length
        if position + HEADER_BYTES > len(data):
            return count > 1 or (at == 0 and position <= len(data))
        following = parse_header(data, position)
        if following is None or (following.adts, following.rate) != (header.adts, header.rate):
            return False
        header = following
    return True


def _adts(header: bytes) -> FrameHeader | None:
    rate_index = header[2] >> 2 & 0xF
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate_index >= len(_ADTS_RATES) or length <= HEADER_BYTES:
        return None
    return FrameHeader(True, length, _ADTS_RATES[rate_index], 1024 * ((header[6] & 3) + 1))


def _mpeg(bits: int, version: int, layer: int) -> FrameHeader | None:
    kbits_index, rate_index, padding = bits >> 12 & 0xF, bits >> 10 & 3, bits >> 9 & 1
    rates = _RATES.get(version, ())
    bitrates = (_KBITS_1 if version == _MPEG_1 else _KBITS_2)[layer]
    if rate_index >= len(rates) or not 0 < kbits_index <= len(bitrates):
        return None
    rate, kbits = rates[rate_index], bitrates[kbits_index - 1]
    if layer == _LAYER_I:
        return FrameHeader(False, (12_000 * kbits // rate + padding) * 4, rate, 384)
    samples = 576 if layer == _LAYER_III and version != _MPEG_1 else 1152
    return FrameHeader(False, samples * 125 * kbits // rate + padding, rate, samples)


def _dolby(data: bytes, at: int) -> int:
    """Returns the length in bytes of the AC-3 or E-AC-3 frame at an offset; 0 without one."""
    header = data[at : at + _DOLBY_HEADER_BYTES]
    if len(header) < _DOLBY_HEADER_BYTES or not header.startswith(_DOLBY_SYNC):
        return 0
    version = header[5] >> 3
    if _EAC3_OLDEST <= version <= _EAC3_NEWEST:
        return 2 * (((header[2] & 7) << 8 | header[3]) + 1)
    rate, size = header[4] >> 6, header[4] & 0x3F
    if version > _AC3_NEWEST or rate >= len(_AC3_RATES) or size >> 1 >= len(_AC3_KBITS):
        return 0
    bits = 1000 * _AC3_KBITS[size >> 1] * _AC3_SAMPLES // _AC3_RATES[rate]
    # Only at 44.1 kHz is a frame not a whole number of words; the lowest bit marks one word more.
    odd = size & 1 if _AC3_RATES[rate] % 16_000 else 0
    return 2 * (bits // 16 + odd)


def _dolby_kind(head: bytes) -> Container:
    return Container.EAC3 if head[5] >> 3 >= _EAC3_OLDEST else Container.AC3


def _loas(data: bytes, at: int) -> int:
    """Returns the length in bytes of the LOAS frame at an offset; 0 without one."""
    header = int.from_bytes(data[at : at + 3], "big")
    if len(data) < at + 3 or header >> 13 != _LOAS_SYNC:
        return 0
    return 3 + (header & 0x1FFF)
