"""Content types of raw samples, and the options that take precedence over them."""

import io

import pytest

from app.audio import RawFormat
from app.audio.content_types import ContentType, raw_format
from app.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("audio/L16;rate=16000", RawFormat(16000, "s16be", 1)),
        ('audio/l16; Rate="44100"; channels=2', RawFormat(44100, "s16be", 2)),
        ("audio/pcm;rate=16000", RawFormat(16000, "s16le", 1)),
        ("audio/basic", RawFormat(8000, "mulaw", 1)),
        ("audio/PCMU", RawFormat(8000, "mulaw", 1)),
        ("audio/PCMU;rate=16000;channels=2", RawFormat(16000, "mulaw", 2)),
        ("audio/PCMA;ptime=20", RawFormat(8000, "alaw", 1)),
        ("audio/x-mulaw;rate=8000", RawFormat(8000, "mulaw", 1)),
        ("audio/x-alaw", RawFormat(8000, "alaw", 1)),
        ("audio/wav", None),
        ("application/octet-stream", None),
        (None, None),
    ],
)
def test_content_type_of_raw_samples_gives_their_format(
    content_type: str | None, expected: RawFormat | None
) -> None:
    assert raw_format(ContentType.parse(content_type)) == expected


def test_options_take_precedence_over_the_content_type() -> None:
    declared = ContentType.parse("audio/L16;rate=16000")
    assert raw_format(declared, encoding="s16le", rate=48000) == RawFormat(48000, "s16le", 1)


def test_au_file_declared_as_audio_basic_is_not_raw() -> None:
    declared = ContentType.parse("audio/basic")
    assert raw_format(declared, io.BytesIO(b".snd\0\0\0\x18")) is None
    samples = io.BytesIO(b"\x7f" * 8)
    assert raw_format(declared, samples) == RawFormat(8000, "mulaw")
    assert samples.tell() == 0


@pytest.mark.parametrize(
    ("content_type", "param"),
    [
        ("audio/L16", "rate"),
        ("audio/L16;rate=fast", "rate"),
        ("audio/L16;rate=0", "rate"),
        ("audio/L16;rate=-8000", "rate"),
        ("audio/PCMU;rate=" + "9" * 5000, "rate"),
        ("audio/L16;rate=16000;channels=none", "channels"),
        ("audio/PCMU;channels=0", "channels"),
    ],
)
def test_wrong_number_in_the_content_type_is_named(content_type: str, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        raw_format(ContentType.parse(content_type))
    assert refused.value.param == param
    assert refused.value.status == 400
