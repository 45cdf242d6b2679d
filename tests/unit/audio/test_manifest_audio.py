"""The audio of a manifest's line: whole recordings and parts of them, in every kind of format."""

from pathlib import Path

import numpy as np
import pytest
from audio_samples import Sample

from app.audio.manifest import ManifestAudio
from app.errors import AudioError, TooLargeError


@pytest.mark.parametrize("name", ["wav-s16", "flac", "mp3", "ogg-opus", "m4a-aac"])
def test_part_is_the_same_stretch_of_the_whole(name: str, audio_samples: dict[str, Sample]) -> None:
    file = audio_samples[name].path
    whole = ManifestAudio(file).read(max_seconds=60)
    part = ManifestAudio(file, 0.25, 0.75).read(max_seconds=60)
    assert len(part) == 8000
    # Each reader has its own resampler, and libsndfile and FFmpeg start an MP3 a little apart.
    start = 3000 + int(np.argmax(np.correlate(whole[3000:13000], part, "valid")))
    assert np.corrcoef(part, whole[start : start + 8000])[0, 1] > 0.99
    rest = ManifestAudio(file, 0.25).read(max_seconds=60)
    assert len(rest) == pytest.approx(len(whole) - 4000, abs=1000)
    np.testing.assert_allclose(rest[:7000], part[:7000], atol=1e-3)


@pytest.mark.parametrize("name", ["wav-s16", "m4a-aac"])
def test_part_after_the_end_of_a_recording_is_refused(
    name: str, audio_samples: dict[str, Sample]
) -> None:
    with pytest.raises(AudioError, match=r"nothing from 0\.50 to 5\.00 s"):
        ManifestAudio(audio_samples[name].path, 0.5, 5.0).read(max_seconds=60)


def test_limit_concerns_the_part_and_not_the_recording(audio_samples: dict[str, Sample]) -> None:
    file = audio_samples["flac"].path
    assert len(ManifestAudio(file, 0.2, 0.6).read(max_seconds=0.5)) == 6400
    with pytest.raises(TooLargeError):
        ManifestAudio(file, 0.2, 0.9).read(max_seconds=0.5)


@pytest.mark.parametrize(
    ("times", "part"),
    [
        ({}, (0.0, None)),
        ({"start": None, "end": None}, (0.0, None)),
        ({"start": "", "end": ""}, (0.0, None)),
        ({"start": 2}, (2.0, None)),
        ({"end": "3.5"}, (0.0, 3.5)),
        ({"start": "1", "end": 3.5}, (1.0, 3.5)),
    ],
)
def test_line_names_a_recording_or_a_part(
    times: dict[str, object], part: tuple[float, float | None]
) -> None:
    audio = ManifestAudio.of_line({"audio": "a.wav", **times}, Path("/speech"))
    assert audio == ManifestAudio(Path("/speech/a.wav"), *part)


@pytest.mark.parametrize(
    "line",
    [
        {"start": 1.0, "end": 2.0},
        {"audio": 3},
        {"audio": "a.wav", "start": 2.0, "end": 1.0},
        {"audio": "a.wav", "start": -1.0},
        {"audio": "a.wav", "end": 0},
        {"audio": "a.wav", "start": "soon"},
        {"audio": "a.wav", "start": float("nan")},
        {"audio": "a.wav", "end": True},
    ],
)
def test_line_without_a_usable_part_is_refused(line: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        ManifestAudio.of_line(line, Path("/speech"))
