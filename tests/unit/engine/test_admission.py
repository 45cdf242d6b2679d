"""Room in the queue, and the honesty of Retry-After."""

import pytest

from app.engine.admission import Load, SpeedMeter, check_room, seconds_to_drain
from app.errors import OverloadedError


def test_request_that_fits_exactly_is_admitted():
    check_room(40, [Load(60, 30)], max_queue_seconds=100)


def test_full_queue_says_when_the_request_will_fit():
    with pytest.raises(OverloadedError) as refused:
        check_room(50, [Load(90, 45)], max_queue_seconds=100)
    # 40 s of audio must drain, at half a second of computing each.
    assert refused.value.retry_after == pytest.approx(20)
    assert "90 s of audio" in refused.value.message
    assert refused.value.status == 429


def test_retry_after_is_at_least_a_second():
    with pytest.raises(OverloadedError) as refused:
        check_room(50, [Load(90, 0.09)], max_queue_seconds=100)
    assert refused.value.retry_after == 1.0


def test_request_longer_than_the_queue_needs_it_empty():
    check_room(500, [Load(0, 0)], max_queue_seconds=100)
    check_room(500, [], max_queue_seconds=100)
    with pytest.raises(OverloadedError) as refused:
        check_room(500, [Load(10, 20)], max_queue_seconds=100)
    assert refused.value.retry_after == pytest.approx(20)


@pytest.mark.parametrize(
    ("audio", "expected"),
    [(10, 2.5), (40, 10), (60, 20), (80, 30), (1000, 30)],
)
def test_devices_drain_side_by_side_until_one_runs_dry(audio, expected):
    # 2 s of audio a second each; the first is empty after 10 s, the second after 30 s.
    loads = [Load(20, 10), Load(60, 30)]
    assert seconds_to_drain(loads, audio) == pytest.approx(expected)


def test_nothing_queued_drains_at_once():
    assert seconds_to_drain([], 10) == 0
    assert seconds_to_drain([Load(0, 0)], 10) == 0


def test_speed_follows_recent_batches_and_weighs_them_by_audio():
    meter = SpeedMeter()
    assert meter.real_time_factor == 0
    meter.record(audio_seconds=20, compute_seconds=2)
    assert meter.real_time_factor == pytest.approx(0.1)
    meter.record(audio_seconds=0.1, compute_seconds=0.1)
    assert meter.real_time_factor < 0.12
    for _ in range(60):
        meter.record(audio_seconds=20, compute_seconds=8)
    assert meter.real_time_factor == pytest.approx(0.4, rel=0.01)
