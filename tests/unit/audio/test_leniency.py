"""Damaged files that players play are read to the end with a warning; others are refused."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from audio_samples import chirp, likeness, make, pcm16, wav
from audio_troubles import ID3, TROUBLES, m4a_with_bad_packets, mp3_frames, piped_rf64

from app.audio import SAMPLE_RATE, AudioLimits, DecodeOptions, Recording, decode_audio
from app.audio.info import CODES
from app.errors import AudioError

LIMITS = AudioLimits(max_seconds=600)
DOCS = Path(__file__).parents[3] / "docs" / "http.md"


def decoded(data: bytes, *, strict: bool = False) -> Recording:
    return decode_audio(io.BytesIO(data), options=DecodeOptions(strict=strict), limits=LIMITS)


def codes(recording: Recording) -> list[str]:
    return [notice.code for notice in recording.notices]


@pytest.mark.parametrize("name", TROUBLES)
def test_playable_damaged_file_is_read_to_its_end_with_a_warning(name: str) -> None:
    trouble = TROUBLES[name]
    recording = decoded(trouble.build())
    assert recording.duration == pytest.approx(trouble.seconds, abs=0.15)
    assert trouble.code in codes(recording)
    assert set(codes(recording)) <= set(CODES)


@pytest.mark.parametrize("name", TROUBLES)
def test_strict_refuses_playable_damage_with_the_same_message(name: str) -> None:
    trouble = TROUBLES[name]
    data = trouble.build()
    first = decoded(data).notices[0]
    with pytest.raises(AudioError) as caught:
        decoded(data, strict=True)
    assert caught.value.status == 422
    assert caught.value.message.startswith(first.message)
    assert first.code in caught.value.message


@pytest.mark.parametrize("name", ["wav-s16", "flac", "mp3", "m4a-aac", "ogg-opus", "webm-opus"])
def test_strict_accepts_undamaged_files(name: str) -> None:
    assert decoded(make(name), strict=True).notices == ()


def test_usual_tag_causes_no_padding_warning() -> None:
    for name in ("mp3", "flac", "adts"):
        assert decoded(ID3 + make(name), strict=True).duration == pytest.approx(1.0, abs=0.06)
    assert decoded(make("mp3") + b"TAG" + bytes(125), strict=True).notices == ()


def test_rf64_recorded_into_a_pipe_is_read_to_its_end() -> None:
    assert likeness(decoded(piped_rf64(), strict=True), 1.0) > 0.999


def test_concatenated_tagged_mp3s_are_read_to_the_end() -> None:
    recording = decoded(TROUBLES["tagged MP3s joined"].build())
    for at in (0, 2):
        half = recording.slice(int((at + 0.1) * SAMPLE_RATE), int((at + 1.9) * SAMPLE_RATE))
        assert np.abs(half).max() > 0.3


def test_frames_without_data_become_silence_in_place() -> None:
    recording = decoded(TROUBLES["AMR that pauses"].build())
    silence = recording.slice(int(0.85 * SAMPLE_RATE), int(1.25 * SAMPLE_RATE))
    after = recording.slice(int(1.35 * SAMPLE_RATE), int(1.9 * SAMPLE_RATE))
    assert np.abs(silence).max() < 0.01
    assert np.abs(after).max() > 0.2


def test_undecodable_bytes_become_silence_up_to_half_a_second() -> None:
    recording = decoded(m4a_with_bad_packets(10))
    assert codes(recording) == ["missing_data"]
    assert recording.duration == pytest.approx(3.0, abs=0.1)
    with pytest.raises(AudioError, match=r"is damaged: decoding fails near 0\.98 s"):
        decoded(m4a_with_bad_packets(40))


def test_mp3_far_shorter_than_declared_is_refused_as_cut_short() -> None:
    data = make("mp3", seconds=4)
    frames = mp3_frames(data)
    with pytest.raises(AudioError, match="cut short"):
        decoded(data[: frames[80] + 100])


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), bytes(4_000)])
def test_tags_and_zeros_after_the_last_frame_are_not_truncation(tail: bytes) -> None:
    data = make("mp3", seconds=4)
    recording = decoded(data[: mp3_frames(data)[80]] + tail)
    assert codes(recording) == ["wrong_length_header"]


@pytest.mark.long
def test_lost_ogg_page_becomes_silence_without_shifting_times() -> None:
    data = bytearray(make("ogg-vorbis", seconds=90))
    data[len(data) // 2] ^= 0xFF
    recording = decoded(bytes(data))
    assert codes(recording) == ["missing_data"]
    assert recording.duration == pytest.approx(90, abs=0.05)
    # The chirp is where it was, on both sides of the hole.
    want = chirp(90, SAMPLE_RATE)
    for start in (5 * SAMPLE_RATE, 80 * SAMPLE_RATE):
        got = recording.slice(start, start + SAMPLE_RATE)
        assert np.corrcoef(got, want[start : start + SAMPLE_RATE])[0, 1] > 0.9


def test_ogg_file_with_a_large_hole_is_refused() -> None:
    data = make("ogg-opus", seconds=4)
    first = data.index(b"OggS\0", data.index(b"OggS\0", data.index(b"OggS\0", 4) + 4) + 4)
    damaged = bytearray(data)
    damaged[first + 200] ^= 0xFF
    # A whole page is a second of Opus: too much to pass over.
    with pytest.raises(AudioError, match=r"is damaged: .* bytes belong to no part of it"):
        decoded(bytes(damaged))


def test_every_warning_code_is_documented() -> None:
    documented = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCS.read_text(), re.MULTILINE))
    assert {code: documented.get(code) for code in CODES} == CODES


def test_wav_is_accepted_with_strict() -> None:
    assert decoded(wav(pcm16(chirp(1.0, 16_000))), strict=True).duration == 1.0
