"""Which of several audio tracks is read, and what is reported about them."""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import pytest
from audio_samples import chirp, likeness, make, spread

from app.audio import AudioLimits, DecodeOptions, Recording, decode_audio
from app.audio.ffmpeg.tracks import find_track
from app.audio.info import TrackInfo
from app.errors import AudioError

LIMITS = AudioLimits(max_seconds=600)
RATE = 48_000


@dataclass(frozen=True, slots=True)
class Track:
    samples: np.ndarray
    language: str | None = None
    channels: int = 1
    default: bool = False


def recorded(container: str, *tracks: Track, codec: str = "aac") -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        streams = []
        for track in tracks:
            layout = {1: "mono", 2: "stereo"}[track.channels]
            stream = file.add_stream(codec, rate=RATE, layout=layout)
            stream.disposition = int(track.default)
            if track.language:
                stream.metadata["language"] = track.language
            streams.append((stream, layout, spread(track.samples, track.channels)))
        for start in range(0, max(len(track.samples) for track in tracks), 1_024):
            for stream, layout, frames in streams:
                block = np.ascontiguousarray(frames[start : start + 1_024].T)
                if not block.size:
                    continue
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = RATE, start
                frame.time_base = Fraction(1, RATE)
                file.mux(stream.encode(frame))
        for stream, _, _ in streams:
            file.mux(stream.encode(None))
    return buffer.getvalue()


def decoded(data: bytes, track: str | None = None, *, strict: bool = False) -> Recording:
    options = DecodeOptions(track=track, strict=strict)
    return decode_audio(io.BytesIO(data), options=options, limits=LIMITS)


SPEECH = chirp(1.0, RATE)
MUSIC = (0.1 * np.sin(2 * np.pi * 3_000 * np.arange(RATE) / RATE)).astype(np.float32)
SILENCE = np.zeros(RATE, dtype=np.float32)


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov", "mpegts", "nut"])
def test_track_is_chosen_by_its_index(container: str) -> None:
    data = recorded(container, Track(MUSIC), Track(SPEECH))
    assert likeness(decoded(data, "1"), 1.0) > 0.99
    assert decoded(data, "0").peak < 0.2


@pytest.mark.parametrize("container", ["matroska", "mp4", "mpegts"])
@pytest.mark.parametrize("choice", ["nob", "nb", "NB", "nb-NO", "no"])
def test_track_is_chosen_by_its_language(container: str, choice: str) -> None:
    data = recorded(container, Track(MUSIC, "eng"), Track(SPEECH, "nob"))
    recording = decoded(data, choice)
    assert likeness(recording, 1.0) > 0.99
    assert recording.info is not None
    assert recording.info.track == 1
    assert [track.language for track in recording.info.tracks] == ["eng", "nob"]


def tracks(*languages: str | None) -> tuple[TrackInfo, ...]:
    return tuple(
        TrackInfo(index, "aac", 2, RATE, language) for index, language in enumerate(languages)
    )


@pytest.mark.parametrize(
    ("languages", "choice", "index"),
    [
        (("eng", "nor"), "nb", 1),
        (("nor", "nob"), "nb", 1),
        (("nno", "nob"), "no", 1),
        (("eng", "nno"), "no", 1),
        (("eng", "dan"), "da", 1),
        (("eng", "ger"), "de", 1),
        (("eng", "deu"), "ger", 1),
        (("eng", "en-GB", "nn-NO"), "nno", 2),
        ((None, "xyz"), "xyz", 1),
    ],
)
def test_different_tags_of_one_language_match(
    languages: tuple[str | None, ...], choice: str, index: int
) -> None:
    assert find_track(tracks(*languages), choice, "MP4") == index


@pytest.mark.parametrize("choice", ["3", "-1", "nn", "fr", "", "²"])
def test_missing_track_is_refused_with_a_list_of_the_tracks(choice: str) -> None:
    with pytest.raises(AudioError) as caught:
        find_track(tracks("eng", "nob", None), choice, "MP4")
    assert caught.value.param == "track"
    assert "0 (aac, eng); 1 (aac, nob); 2 (aac)" in caught.value.message


def test_default_track_is_the_one_chosen_by_ffmpeg() -> None:
    data = recorded("matroska", Track(MUSIC), Track(SPEECH, channels=2, default=True))
    recording = decoded(data)
    assert recording.info is not None
    assert recording.info.track == 1
    assert recording.info.container == "WebM or Matroska"
    assert [track.channels for track in recording.info.tracks] == [1, 2]
    assert {track.rate for track in recording.info.tracks} == {RATE}


def test_silent_track_beside_one_with_sound_causes_a_warning() -> None:
    data = recorded("matroska", Track(SILENCE), Track(SILENCE), Track(SPEECH))
    recording = decoded(data)
    (notice,) = recording.notices
    assert notice.code == "silent_track"
    assert "track 2 has sound: send track=2" in notice.message
    with pytest.raises(AudioError, match="Track 0 of 3, which was read, is silent"):
        decoded(data, strict=True)
    assert decoded(data, "2").notices == ()
    assert decoded(recorded("matroska", Track(SILENCE), Track(SILENCE))).notices == ()


@pytest.mark.parametrize("name", ["wav-s16", "flac", "mp3", "ogg-opus"])
def test_file_with_one_track_reports_track_0(name: str) -> None:
    assert likeness(decoded(make(name), "0"), 1.0) > 0.98
    with pytest.raises(AudioError, match="no audio track '1'"):
        decoded(make(name), "1")


@pytest.mark.parametrize("container", ["matroska", "mp4"])
def test_more_tracks_than_the_limit_are_refused(container: str) -> None:
    data = recorded(container, *[Track(SPEECH[:4_800])] * 5, codec="aac")
    with pytest.raises(AudioError, match="more than the 4 tracks"):
        decode_audio(io.BytesIO(data), limits=AudioLimits(600, max_tracks=4))
    assert decode_audio(io.BytesIO(data), limits=AudioLimits(600, max_tracks=5)).duration > 0.09
