"""Runs of frames without a container around them: AC-3, E-AC-3 and AAC in LATM.

The beginning of a stream flows in, the container flows out, or None. MP3 and AAC in ADTS are in
`mpeg`. Sources: ETSI TS 102 366 sections 4.4.1 and E.1.3.1, ISO/IEC 14496-3 section 1.7.2.
"""

from app.audio.formats import Container

_SYNC = b"\x0b\x77"
_HEADER_BYTES = 6
# Chance makes one header in noise, hardly three in a row.
_CHAIN = 3
# Words of 16 bits a frame at 48 kHz, for each bit rate of AC-3; other rates have more.
_AC3_KBITS = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160),
    *(192, 224, 256, 320, 384, 448, 512, 576, 640),
)
_AC3_RATES = (48_000, 44_100, 32_000)
_AC3_NEWEST, _EAC3_OLDEST, _EAC3_NEWEST = 10, 11, 16
_AC3_SAMPLES = 1_536
_LOAS_SYNC = 0x2B7


def by_frames(head: bytes) -> Container | None:
    """The container whose frames `head` begins with, three of them or as many as there are."""
    for container, length_of in ((None, _dolby), (Container.LOAS, _loas)):
        at, count = 0, 0
        while count < _CHAIN and at < len(head) and (length := length_of(head, at)):
            at += length
            count += 1
        if count == _CHAIN or (count > 1 and at >= len(head)):
            return container or _dolby_kind(head)
    return None


def _dolby(data: bytes, at: int) -> int:
    """Bytes of the AC-3 or E-AC-3 frame at an offset; 0 where there is none."""
    header = data[at : at + _HEADER_BYTES]
    if len(header) < _HEADER_BYTES or not header.startswith(_SYNC):
        return 0
    version = header[5] >> 3
    if _EAC3_OLDEST <= version <= _EAC3_NEWEST:
        return 2 * (((header[2] & 7) << 8 | header[3]) + 1)
    rate, size = header[4] >> 6, header[4] & 0x3F
    if version > _AC3_NEWEST or rate >= len(_AC3_RATES) or size >> 1 >= len(_AC3_KBITS):
        return 0
    bits = 1000 * _AC3_KBITS[size >> 1] * _AC3_SAMPLES // _AC3_RATES[rate]
    # Only at 44.1 kHz is a frame no whole number of words; the lowest bit says where one is added.
    odd = size & 1 if _AC3_RATES[rate] % 16_000 else 0
    return 2 * (bits // 16 + odd)


def _dolby_kind(head: bytes) -> Container:
    return Container.EAC3 if head[5] >> 3 >= _EAC3_OLDEST else Container.AC3


def _loas(data: bytes, at: int) -> int:
    """Bytes of the LOAS frame at an offset; 0 where there is none."""
    header = int.from_bytes(data[at : at + 3], "big")
    if len(data) < at + 3 or header >> 13 != _LOAS_SYNC:
        return 0
    return 3 + (header & 0x1FFF)
