"""What content types say of raw samples, and what an answer says of a file."""

import io
import json

import pytest

from app.api.raw_bodies import Undeclared, raw_format
from app.audio import AudioInfo, RawFormat, TrackInfo
from app.contract.answers import Notice, Timing, Transcript
from app.errors import InvalidRequestError
from app.pipeline.encoding import audio_file


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
def test_a_type_of_raw_samples_is_taken_at_its_word(
    content_type: str | None, expected: RawFormat | None
) -> None:
    assert raw_format(Undeclared(), content_type) == expected


def test_parameters_go_before_the_type() -> None:
    given = Undeclared(encoding="s16le", rate=48000)
    assert raw_format(given, "audio/L16;rate=16000") == RawFormat(48000, "s16le", 1)


def test_an_au_file_is_what_its_content_says() -> None:
    assert raw_format(Undeclared(), "audio/basic", io.BytesIO(b".snd\0\0\0\x18")) is None
    samples = io.BytesIO(b"\x7f" * 8)
    assert raw_format(Undeclared(), "audio/basic", samples) == RawFormat(8000, "mulaw")
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
def test_a_wrong_number_in_the_type_is_named(content_type: str, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        raw_format(Undeclared(), content_type)
    assert refused.value.param == param
    assert refused.value.status == 400


def test_an_answer_describes_the_file_and_the_track_that_was_read() -> None:
    tracks = (TrackInfo(0, "aac", 2, 48000, "eng"), TrackInfo(1, "opus", 1, 16000, None))
    transcript = Transcript(
        text="",
        words=(),
        segments=(),
        confidence=None,
        language="nb",
        model="m",
        duration=1.0,
        decoder="greedy",
        lm=None,
        audio=audio_file(AudioInfo("Matroska", tracks, track=1)),
        warnings=(Notice("silent_track", "Track 1 is silent."),),
        timing=Timing(0, 0, 0, 0, 0),
        request_id="r",
    )
    body = json.loads(transcript.to_json())
    assert body["audio"] == {
        "container": "Matroska", "codec": "opus", "channels": 1, "rate": 16000, "track": 1,
        "tracks": [
            {"index": 0, "codec": "aac", "channels": 2, "rate": 48000, "language": "eng"},
            {"index": 1, "codec": "opus", "channels": 1, "rate": 16000, "language": None},
        ],
    }  # fmt: skip
    assert body["warnings"] == [{"code": "silent_track", "message": "Track 1 is silent."}]
