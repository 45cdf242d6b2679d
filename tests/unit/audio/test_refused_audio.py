"""Each kind of audio that cannot be transcribed is refused with a message of its own."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_samples import FORMATS, chirp, encode, flac_bomb, make, pcm16, spread, wav

from app.audio import AudioLimits, DecodeOptions, RawFormat, decode_audio
from app.errors import AudioError, TooLargeError, UnsupportedAudioError

LIMITS = AudioLimits(max_seconds=60)


def refusal(data: bytes, raw: RawFormat | None = None) -> AudioError:
    with pytest.raises(AudioError) as caught:
        decode_audio(io.BytesIO(data), options=DecodeOptions(raw), limits=LIMITS)
    return caught.value


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("empty.wav", 422, "is empty"),
        ("no-samples.wav", 422, "no audio samples"),
        ("no-samples.flac", 422, "no audio samples"),
        ("no-samples.ogg", 422, "no audio samples"),
        ("header-only.wav", 422, "cannot be opened"),
        ("cut.wav", 422, r"88,\d\d\d of the 176,400 bytes .* are missing"),
        ("cut.flac", 422, "damaged or cut short: it declares 1.00 s"),
        ("cut.mp3", 422, r"declares 1.0\d s, but only 0.\d\d s can be decoded"),
        ("cut.m4a", 422, "is cut short: .* missing"),
        ("cut.mkv", 422, "is cut short: .* missing"),
        ("text.wav", 415, r"it is text\. Accepted are WAV, .* FLAC, .* MP3"),
        ("page.mp3", 415, "it is an HTML page"),
        ("silent-video.mp4", 422, "no audio track; what it has is: video"),
        ("encrypted.m4a", 415, "encrypted"),
        ("not-a-number.wav", 422, "not finite numbers, near 0.00 s"),
    ],
)
def test_undecodable_audio_is_refused_with_the_reason(
    name: str, status: int, words: str, refused_audio: dict[str, Path]
) -> None:
    with pytest.raises(AudioError, match=words) as caught:
        decode_audio(refused_audio[name], limits=LIMITS)
    assert caught.value.status == status
    assert not re.search(r"errno|0x|traceback|<_io|none", caught.value.message, re.IGNORECASE)


@pytest.mark.parametrize("name", ["rf64", "w64", "aiff", "au", "caf", "caf-alac", "avi-mp3"])
def test_half_of_a_file_is_refused_as_cut_short(name: str) -> None:
    whole = make(name)
    assert "cut short" in refusal(whole[: len(whole) // 2]).message


@pytest.mark.parametrize("name", ["ogg-vorbis", "ogg-opus"])
def test_ogg_cut_within_a_page_is_refused_as_cut_short(name: str) -> None:
    assert "cut short" in refusal(make(name)[:-10]).message


def test_mp4_without_its_index_is_refused() -> None:
    whole = make("m4a-aac")
    assert "no index (moov box)" in refusal(whole[: whole.index(b"moov") - 4]).message


@pytest.mark.parametrize("name", ["flac", "m4a-aac", "webm-opus", "ogg-vorbis"])
def test_damage_in_the_middle_is_refused(name: str) -> None:
    data = bytearray(make(name, seconds=4.0))
    middle = len(data) // 2
    data[middle : middle + len(data) // 4] = np.random.default_rng(1).bytes(len(data) // 4)
    assert "damaged" in refusal(bytes(data)).message


def test_recording_over_the_limit_is_refused_by_its_header() -> None:
    with pytest.raises(TooLargeError, match=r"longer than the 2 s"):
        decode_audio(io.BytesIO(make("flac", seconds=2.1)), limits=AudioLimits(max_seconds=2))


def test_small_file_cannot_decode_to_hours() -> None:
    """The header leaves the length open, so only decoding shows it."""
    bomb = flac_bomb(hours=2)
    assert len(bomb) < 2 << 20
    with pytest.raises(TooLargeError) as caught:
        decode_audio(io.BytesIO(bomb), limits=LIMITS)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("rate", "channels", "words"),
    [(1, 1, "1 Hz"), (4_000_000, 1, "4000000 Hz"), (16_000, 65, "65 channels")],
)
def test_impossible_rates_and_channel_counts_are_refused(
    rate: int, channels: int, words: str
) -> None:
    message = refusal(wav(bytes(1_300), rate=rate, channels=channels)).message
    assert words in message
    assert "between" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_non_finite_values_are_refused(value: float, rate: int) -> None:
    frames = np.zeros(rate * 2)
    frames[rate] = value
    buffer = io.BytesIO()
    soundfile.write(buffer, frames, rate, format="WAV", subtype="DOUBLE")
    match = re.search(r"near (\d\.\d\d) s", refusal(buffer.getvalue()).message)
    assert match is not None
    assert float(match[1]) == pytest.approx(1.0, abs=0.2)


def test_raw_pcm_of_a_fractional_number_of_frames_is_refused() -> None:
    error = refusal(bytes(1_001), RawFormat(rate=16_000, channels=2))
    assert "takes 4 bytes a frame" in error.message
    assert "empty" in refusal(b"", RawFormat(rate=16_000)).message


def test_unknown_codec_in_a_known_container_is_refused() -> None:
    """A WAV that declares a codec number that was never assigned."""
    data = bytearray(wav(pcm16(chirp(1.0, 16_000))))
    data[20:22] = b"\xee\x7e"
    error = refusal(bytes(data))
    assert isinstance(error, UnsupportedAudioError)
    assert "codec that is not supported" in error.message


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file"):
        decode_audio(tmp_path / "nothing.wav", limits=LIMITS)
    with pytest.raises(AudioError, match="directory"):
        decode_audio(tmp_path, limits=LIMITS)


def test_next_recording_is_decoded_after_each_refusal(
    refused_audio: dict[str, Path],
) -> None:
    good = encode(FORMATS["m4a-aac"], spread(chirp(0.5, 44_100), 2))
    for path in refused_audio.values():
        with pytest.raises(AudioError):
            decode_audio(path, limits=LIMITS)
        assert decode_audio(io.BytesIO(good), limits=LIMITS).duration > 0.5
