"""Times count from the beginning of the file's timestamps, in every container."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from audio_timelines import LAYOUTS, bursts, mux, onsets

from app.audio import SAMPLE_RATE, AudioLimits, DecodeOptions, Recording, decode_audio
from app.audio.ffmpeg.timeline import Placement, Timeline
from app.errors import AudioError, TooLargeError

LIMITS = AudioLimits(max_seconds=600)
# The time of a word may be off by so much.
CLOSE = 0.04
LATE = (2.5, 6.5)
ALL = (0.5, *LATE)
PAUSE = (3.1, 6.4)
OFFSET = 20.0
# The clock of these starts with the recording; that of the others anywhere, so the beginning of
# the file is the beginning.
FROM_ZERO = {"mp4", "mov", "m4a", "webm", "mkv", "flv", "wma", "nut"}
# AVI counts its packets instead of giving them times. Ogg has one clock and no other track, so its
# late start is an offset.
CLOCKS = [name for name in LAYOUTS if name != "avi"]


def decoded(data: bytes, **limits: float) -> Recording:
    return decode_audio(io.BytesIO(data), limits=replace(LIMITS, **limits))


def starts(recording: Recording) -> list[float]:
    return onsets(recording.slice(0, recording.samples), SAMPLE_RATE)


@pytest.mark.parametrize("name", [name for name in CLOCKS if name != "ogg"])
def test_sound_that_starts_late_keeps_its_time(name: str) -> None:
    layout = LAYOUTS[name]
    recording = decoded(mux(layout, bursts(list(LATE), 8, layout.rate), without=((0, 2.3),)))
    assert starts(recording) == pytest.approx(LATE, abs=CLOSE)
    assert recording.duration == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("name", CLOCKS)
def test_gap_between_packets_becomes_silence(name: str) -> None:
    layout = LAYOUTS[name]
    recording = decoded(mux(layout, bursts(list(ALL), 8, layout.rate), without=(PAUSE,)))
    assert starts(recording) == pytest.approx(ALL, abs=CLOSE)
    assert recording.duration == pytest.approx(8, abs=0.1)
    between = recording.slice(int(3.3 * SAMPLE_RATE), int(6.2 * SAMPLE_RATE))
    assert np.abs(between).max() < 0.01


@pytest.mark.parametrize("name", CLOCKS)
def test_timestamps_that_do_not_begin_at_zero_add_no_silence(name: str) -> None:
    layout = LAYOUTS[name]
    recording = decoded(mux(layout, bursts(list(ALL), 8, layout.rate), offset=OFFSET))
    begin = OFFSET if name in FROM_ZERO else 0
    assert starts(recording) == pytest.approx([begin + at for at in ALL], abs=CLOSE)
    assert recording.duration == pytest.approx(begin + 8, abs=0.1)


@pytest.mark.parametrize("name", LAYOUTS)
def test_ordinary_file_gets_no_silence(name: str) -> None:
    layout = LAYOUTS[name]
    recording = decoded(mux(layout, bursts(list(ALL), 8, layout.rate)))
    assert starts(recording) == pytest.approx(ALL, abs=CLOSE)
    assert recording.duration == pytest.approx(8, abs=0.1)
    assert recording.notices == ()


def test_avi_starts_at_the_time_in_its_header() -> None:
    layout = LAYOUTS["avi"]
    data = bytearray(mux(layout, bursts(list(ALL), 8, layout.rate)))
    header = data.index(b"auds") + 28
    scale, rate = struct.unpack_from("<II", data, header - 8)
    struct.pack_into("<I", data, header, round(2 * rate / scale))
    assert starts(decoded(bytes(data))) == pytest.approx([2 + at for at in ALL], abs=CLOSE)


def test_excerpt_of_a_longer_recording_begins_at_its_first_sample() -> None:
    """A live stream that was recorded from its second hour on; its header omits the first."""
    layout = replace(LAYOUTS["webm"], codec="libopus")
    data = mux(layout, bursts(list(ALL), 8, layout.rate), offset=3_600, options={"live": "1"})
    assert starts(decoded(data)) == pytest.approx(ALL, abs=CLOSE)


def test_gap_over_the_limit_is_refused() -> None:
    layout = LAYOUTS["webm"]
    data = mux(layout, bursts(list(ALL), 8, layout.rate), without=(PAUSE,))
    with pytest.raises(AudioError, match=r"leaves 3 s without sound from 3\.1\d s on: at most 2 s"):
        decoded(data, max_gap_seconds=2)
    with pytest.raises(TooLargeError):
        decoded(data, max_seconds=5)


def test_timestamp_jump_in_a_transport_stream_adds_no_gap() -> None:
    """Two recordings joined: the clock of the second is hours away."""
    layout = LAYOUTS["ts"]
    one = mux(layout, bursts([0.5], 2, layout.rate))
    two = mux(layout, bursts([0.5], 2, layout.rate), offset=7_000)
    recording = decoded(one + two)
    assert starts(recording) == pytest.approx([0.5, 2.5], abs=2 * CLOSE)
    assert [notice.code for notice in recording.notices] == ["timestamp_jump"]
    with pytest.raises(AudioError, match="clock of the MPEG transport stream file jumps"):
        decode_audio(io.BytesIO(one + two), options=DecodeOptions(strict=True), limits=LIMITS)


def placed(times: list[float], *, rate: int = 8_000, length: int = 160) -> list[Placement]:
    """What is done with frames of 20 ms at some times."""
    timeline = Timeline(AudioLimits(max_seconds=3_600), splices=False, on_jump=lambda seconds: None)
    return [timeline.place(at, length, rate) for at in times]


def test_rounded_timestamps_change_nothing() -> None:
    jitter = np.random.default_rng(1).uniform(-0.012, 0.012, 3_000)
    times = [0.02 * index + late for index, late in enumerate(jitter)]
    assert set(placed(times)) == {Placement()}


def test_single_late_packets_add_no_gap() -> None:
    times = [0.02 * index + (0.1 if index % 50 == 7 else 0) for index in range(500)]
    assert set(placed(times)) == {Placement()}


@pytest.mark.parametrize("skew", [0.999, 1.001])
def test_sample_clock_drift_is_corrected_by_timestamps(skew: float) -> None:
    """A quarter of an hour: one part in a thousand would be 0.9 s by then."""
    times = [0.02 * skew * index for index in range(45_000)]
    placements = placed(times)
    moved = sum(placement.silence - placement.cut for placement in placements)
    assert moved / 8_000 == pytest.approx(times[-1] - 0.02 * 44_999, abs=CLOSE)
    assert max(placement.silence + placement.cut for placement in placements) <= CLOSE * 8_000


def test_timestamps_that_go_back_continue_without_a_gap() -> None:
    times = [0.02 * index for index in range(100)] * 2
    assert set(placed(times)) == {Placement()}
