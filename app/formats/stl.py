"""Writes an EBU STL file, the exchange format of broadcasters' subtitle systems.

After EBU Tech 3264 (1991): a block of general information (GSI), and blocks of text and timing
(TTI). The subtitles are for teletext of level 1: 25 frames a second, double height, rows of 40
columns of which control codes take five.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import wrap

from .iso6937 import encode, simplify
from .subtitles import Cue

ROW_CHARACTERS = 35
"""Of a row's 40 columns, those that the control codes leave."""

_FRAMES_PER_SECOND = 25
_FRAME_MILLISECONDS = 1000 // _FRAMES_PER_SECOND
_DAY_FRAMES = 24 * 3600 * _FRAMES_PER_SECOND
# Double height and two start boxes before a row, two end boxes after it.
_ROW_START = b"\x0d\x0b\x0b"
_ROW_END = b"\x0a\x0a"
# A row of double height takes two lines.
_NEW_ROW = b"\x8a\x8a"
_UNUSED = b"\x8f"
_LAST_ROW = 22
_FIELD_BYTES = 112
_LAST_BLOCK = 0xFF
# Higher numbers of extension blocks are reserved.
_MAX_BLOCKS = 0xF0
_MAX_COUNT = 99_999
_CENTRED = 2
# Of the general information; ISO 3166 for the country.
_LANGUAGES = {"da": "07", "nb": "1E", "nn": "1E", "no": "1E"}
_COUNTRIES = {"da": "DNK", "nb": "NOR", "nn": "NOR", "no": "NOR"}


def to_stl(cues: Sequence[Cue], *, title: str, language: str) -> bytes:
    """Writes the cues, centred at the bottom of the picture.

    A decoder shows one subtitle at a time, so where two people speak at once the first one's ends
    when the second one's begins. Time codes begin at zero again after 24 hours.

    Args:
        cues: in order; a line longer than `ROW_CHARACTERS` takes several rows.
        title: of the programme.
        language: code of its language.
    """
    blocks = bytearray()
    spans = _frames(cues)
    for number, (cue, (start, end)) in enumerate(zip(cues, spans, strict=True)):
        blocks += _text_blocks(number, start, end, cue.text.split("\n"))
    count = len(blocks) // 128
    first = spans[0][0] if spans else 0
    return _general(title, language, count, len(cues), first) + bytes(blocks)


def _frames(cues: Sequence[Cue]) -> list[tuple[int, int]]:
    """Returns first and last frames of cues that follow one another, each of a frame or more."""
    starts: list[int] = []
    for cue in cues:
        frame = round(cue.start / _FRAME_MILLISECONDS)
        starts.append(max(frame, starts[-1] + 1) if starts else frame)
    spans = []
    for i, cue in enumerate(cues):
        end = max(round(cue.end / _FRAME_MILLISECONDS), starts[i] + 1)
        spans.append((starts[i], min(end, starts[i + 1]) if i + 1 < len(starts) else end))
    return spans


def _text_blocks(number: int, start: int, end: int, lines: Sequence[str]) -> bytes:
    rows = [
        row
        for line in lines
        for row in wrap(simplify(line), ROW_CHARACTERS, break_on_hyphens=False) or [""]
    ]
    field = _NEW_ROW.join(_ROW_START + encode(row) + _ROW_END for row in rows)
    parts = [field[at : at + _FIELD_BYTES] for at in range(0, len(field), _FIELD_BYTES)]
    parts = parts[:_MAX_BLOCKS]
    place = max(1, _LAST_ROW - 2 * (len(rows) - 1))
    return b"".join(
        struct.pack(
            "<BHBB4B4BBBB112s",
            0,
            number & 0xFFFF,
            _LAST_BLOCK if index + 1 == len(parts) else index,
            0,
            *_time_code(start),
            *_time_code(end),
            place,
            _CENTRED,
            0,
            part.ljust(_FIELD_BYTES, _UNUSED),
        )
        for index, part in enumerate(parts)
    )


def _time_code(frame: int) -> tuple[int, int, int, int]:
    """Returns hours, minutes, seconds and frames."""
    seconds, frames = divmod(frame % _DAY_FRAMES, _FRAMES_PER_SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return hours, minutes, seconds, frames


def _general(title: str, language: str, blocks: int, subtitles: int, first: int) -> bytes:
    """Returns the block of general information."""
    today = f"{datetime.now(UTC):%y%m%d}"
    start = "".join(f"{part:02}" for part in _time_code(first))
    fields = (
        ("850", 3),  # code page of this block
        ("STL25.01", 8),
        ("1", 1),  # teletext, level 1
        ("00", 2),  # Latin letters, ISO 6937
        (_LANGUAGES.get(language, "00"), 2),
        (title, 32),
        *(("", 32),) * 5,
        ("", 16),
        (today, 6),  # created
        (today, 6),  # revised
        ("00", 2),  # revision
        (f"{min(blocks, _MAX_COUNT):05}", 5),
        (f"{min(subtitles, _MAX_COUNT):05}", 5),
        ("001", 3),  # groups
        ("40", 2),  # characters in a row
        ("23", 2),  # rows
        ("1", 1),  # time codes are meant to be used
        ("00000000", 8),  # of the start of the programme
        (start, 8),  # of the first subtitle
        ("1", 1),  # disks
        ("1", 1),  # this one
        (_COUNTRIES.get(language, ""), 3),
        *(("", 32),) * 3,
        ("", 75),
        ("", 576),
    )
    return b"".join(
        text.encode("cp850", "replace")[:length].ljust(length) for text, length in fields
    )
