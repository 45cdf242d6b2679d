"""Decoding any bytes gives a recording or an error of the service."""

import contextlib
import io

import pytest
from audio_samples import FORMATS, make
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audio import AudioLimits, DecodeOptions, RawFormat, decode_audio
from app.errors import NordlydError

LIMITS = AudioLimits(max_seconds=60)
BOUNDED = settings(
    max_examples=examples(120),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
STARTS = [
    b"",
    b"RIFF\xff\xff\xff\x7fWAVEfmt ",
    b"RIFF....AVI LIST",
    b"FORM\x00\x00\x00\x00AIFF",
    b".snd\x00\x00\x00\x18",
    b"caff\x00\x01\x00\x00",
    b"NIST_1A\n   1024\n",
    b"fLaC\x00\x00\x00\x22",
    b"OggS\x00\x02",
    b"ID3\x04\x00\x00\x00\x00\x00\x00",
    b"\xff\xfb\x90\x64",
    b"\xff\xf1\x50\x80",
    b"\x1a\x45\xdf\xa3\x9f",
    b"\x00\x00\x00\x18ftypM4A ",
    b"\x00\x00\x00\x08moov",
    b"\x00\x00\x01\xba",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"#!AMR\n",
    b"FLV\x01\x05\x00\x00\x00\x09",
    b"\x0b\x77\x00\x00\x14\x40",
    b"\x7f\xfe\x80\x01\xfc\x3c",
    b"TTA1\x01\x00\x02\x00\x10\x00",
    b"wvpk\x18\x00\x00\x00\x10\x04",
    b"MAC \x96\x0f\x00\x00",
    b"MPCKSH",
    b"MP+\x17",
    b"tBaK",
    b"ajkg\x02",
    b"Creative Voice File\x1a\x1a\x00\x0a\x01\x29\x11",
    b"\x64\xa3\x01\x00",
    b".RMF\x00\x00\x00\x12",
    b".ra\xfd\x00\x04",
    b"\x03dss",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\x00",
    b"\x1f\x07\x00\xbf",
    b"nut/multimedia container\x00",
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d",
    b"FRM8\x00\x00\x00\x00\x00\x00\x02\x00DSD ",
    b"DHAV\xfd\x00",
]


@pytest.fixture(scope="module")
def encoded() -> dict[str, bytes]:
    return {name: make(name, seconds=0.2) for name in FORMATS}


def attempt(data: bytes, raw: RawFormat | None = None) -> None:
    with contextlib.suppress(NordlydError):
        recording = decode_audio(io.BytesIO(data), options=DecodeOptions(raw), limits=LIMITS)
        assert 0 < recording.duration <= LIMITS.max_seconds + 1


@BOUNDED
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=600))
def test_random_bytes_after_a_known_signature_decode_or_raise_a_known_error(
    start: bytes, rest: bytes
) -> None:
    attempt(start + rest)


@BOUNDED
@given(
    data=st.binary(max_size=600),
    encoding=st.sampled_from(["s16le", "f32le", "mulaw", "alaw"]),
    channels=st.integers(1, 64),
)
def test_random_bytes_declared_as_raw_pcm_decode_or_raise_a_known_error(
    data: bytes, encoding: str, channels: int
) -> None:
    attempt(data, RawFormat(rate=8_000, encoding=encoding, channels=channels))


@BOUNDED
@given(
    name=st.sampled_from(sorted(FORMATS)),
    changes=st.lists(
        st.tuples(
            # Headers are at the beginning, so most changes are made there.
            st.one_of(st.integers(0, 300), st.integers(0, 2**16)),
            st.integers(0, 3),
            st.binary(min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=8,
    ),
    kept=st.floats(0.05, 1.0),
)
def test_damaged_file_decodes_or_raises_a_known_error(
    name: str, changes: list[tuple[int, int, bytes]], kept: float, encoded: dict[str, bytes]
) -> None:
    data = bytearray(encoded[name])
    for place, removed, inserted in changes:
        at = place % len(data)
        data[at : at + removed] = inserted
    attempt(bytes(data[: max(1, round(len(data) * kept))]))
