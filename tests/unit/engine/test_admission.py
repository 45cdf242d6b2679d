"""Room in the queue, the predicted wait, and the accuracy of Retry-After."""

import pytest

from app.engine.admission import (
    Arrival,
    Backlog,
    QueueLimits,
    RetrySchedule,
    SpeedMeter,
    check_deadline,
    check_room,
    seconds_ahead,
)
from app.errors import DeadlineExceededError, OverloadedError

LIMITS = QueueLimits(max_queue_seconds=100, caller_share=0.5)


def arrival(caller: str = "me", audio: float = 10.0, compute: float = 1.0) -> Arrival:
    return Arrival(caller, audio, compute, compute)


def test_recording_longer_than_the_queue_is_admitted_while_the_queue_has_room():
    check_room(arrival(audio=500), [], LIMITS)
    check_room(arrival(audio=500), [Backlog("other", 40, 4)], LIMITS)


def test_one_long_recording_leaves_half_of_the_queue_to_other_callers():
    long = Backlog("greedy", 10_000, 1_000)
    check_room(arrival(), [long], LIMITS)
    check_room(arrival(), [long, Backlog("other", 40, 4)], LIMITS)
    with pytest.raises(
        OverloadedError, match="holds 91 s of audio, each caller's counted up to 50"
    ):
        check_room(arrival(), [long, Backlog("other", 41, 4)], LIMITS)


def test_caller_that_fills_its_share_waits_for_its_own_work_only():
    own = Backlog("me", 50, 5)
    with pytest.raises(OverloadedError, match="one caller may hold 50 s") as refused:
        check_room(arrival(), [own, Backlog("other", 1, 0.1)], LIMITS)
    # 10 s too many, at a tenth of a second each, and the other's tenth between them.
    assert refused.value.retry_after == pytest.approx(1.1)


def test_full_queue_refuses_with_the_seconds_until_it_has_room():
    queue = [Backlog("a", 50, 25), Backlog("b", 38, 19), Backlog("c", 4, 2)]
    with pytest.raises(OverloadedError, match="holds 92 s of audio") as refused:
        check_room(arrival(), queue, LIMITS)
    # 2 s of audio must drain, at half a second of computing each.
    assert refused.value.retry_after == pytest.approx(1)


def test_recording_joins_where_it_just_fits_into_the_queue_and_its_share():
    check_room(arrival(), [Backlog("me", 40, 4)], LIMITS)
    with pytest.raises(OverloadedError, match="one caller may hold 50 s"):
        check_room(arrival(), [Backlog("me", 40.5, 4)], LIMITS)
    check_room(arrival(), [Backlog("a", 50, 5), Backlog("b", 40, 4)], LIMITS)
    with pytest.raises(OverloadedError, match="holds 90 s"):
        check_room(arrival(), [Backlog("a", 50, 5), Backlog("b", 40.5, 4)], LIMITS)


def test_recording_that_has_to_wait_for_all_of_the_queue_is_refused_for_no_longer_than_that():
    with pytest.raises(OverloadedError) as refused:
        check_room(arrival(audio=5_000), [Backlog("me", 20, 2)], LIMITS)
    assert refused.value.retry_after == pytest.approx(2)


def test_clip_overtakes_long_recordings_in_the_predicted_wait():
    assert seconds_ahead([("a", 100)], "me", 1.0) == pytest.approx(1.0)
    assert seconds_ahead([], "me", 1.0) == 0
    # A caller with two requests is overtaken by as much of every other.
    others = [("me", 0.5), ("a", 10), ("b", 0.25)]
    assert seconds_ahead(others, "me", 1.0) == pytest.approx(0.5 + 1.0 + 0.25)


def test_callers_share_turns_before_their_requests_do():
    many = [("a", 1.0)] * 50
    # A newcomer is ahead of all but as much of the other caller as it needs itself.
    assert seconds_ahead(many, "me", 1.0) == pytest.approx(1.0)
    assert seconds_ahead(many, "a", 1.0) == pytest.approx(50.0)


def test_deadline_too_near_for_the_queue_is_refused_with_the_seconds_to_wait():
    with pytest.raises(OverloadedError, match="done in about 10 s") as refused:
        check_deadline(arrival(compute=2), [Backlog("me", 100, 2)] * 4, left=6)
    assert refused.value.retry_after == pytest.approx(4)
    with pytest.raises(OverloadedError) as refused:
        check_deadline(arrival(compute=2), [Backlog("me", 100, 2)] * 4, left=9.5)
    assert refused.value.retry_after == pytest.approx(0.5)


def test_deadline_too_near_for_the_recording_itself_is_exceeded():
    with pytest.raises(DeadlineExceededError, match=r"takes about 20\.0 s"):
        check_deadline(arrival(compute=20), [], left=6)
    check_deadline(arrival(compute=2), [], left=6)


def test_refused_requests_retry_one_after_the_other():
    schedule = RetrySchedule()
    waits = [schedule.retry_after(2.0, 0.5, now=100.0) for _ in range(4)]
    assert waits == pytest.approx([2.0, 3.0, 3.0, 4.0])
    # The places reserved for requests that should have been retried by now are free again.
    assert schedule.retry_after(2.0, 0.5, now=110.0) == pytest.approx(2.0)


def test_retry_after_is_between_a_second_and_ten_minutes():
    schedule = RetrySchedule()
    assert schedule.retry_after(0.01, 0.0, now=0.0) == 1.0
    assert schedule.retry_after(1e6, 1e6, now=0.0) == 600.0


def test_request_refused_again_when_it_was_due_does_not_start_at_the_end():
    schedule = RetrySchedule()
    waits = [schedule.retry_after(1.0, 1.0, now=100.0) for _ in range(10)]
    assert waits[-1] == pytest.approx(10)
    # The first two are due; one of them is accepted, the other one refused, then a new one.
    assert schedule.claim(now=102.0)
    assert schedule.retry_after(1.0, 1.0, now=102.0) == pytest.approx(1)
    assert schedule.retry_after(1.0, 1.0, now=102.0) == pytest.approx(9)
    assert not schedule.claim(now=102.0)
    # Those who are long overdue are not expected any more.
    assert not schedule.claim(now=200.0)


def test_margin_makes_refused_requests_come_back_a_little_later():
    schedule = RetrySchedule(margin=1.5)
    waits = [schedule.retry_after(2.0, 1.0, now=0.0) for _ in range(3)]
    assert waits == pytest.approx([3.0, 5.0, 6.0])
    assert RetrySchedule(margin=1.5).retry_after(1e6, 0.0, now=0.0) == 600


def test_cleared_schedule_keeps_no_place_for_requests_that_did_not_come_back():
    schedule = RetrySchedule()
    for _ in range(20):
        schedule.retry_after(2.0, 1.0, now=100.0)
    schedule.clear()
    assert schedule.retry_after(2.0, 1.0, now=100.0) == pytest.approx(2.0)


def test_speed_follows_recent_batches_and_weighs_them_by_audio():
    meter = SpeedMeter()
    assert meter.real_time_factor == meter.best_real_time_factor == 0
    meter.record(audio_seconds=20, compute_seconds=2)
    assert meter.real_time_factor == pytest.approx(0.1)
    meter.record(audio_seconds=0.1, compute_seconds=0.1)
    assert meter.real_time_factor < 0.12
    for _ in range(60):
        meter.record(audio_seconds=20, compute_seconds=8)
    assert meter.real_time_factor == pytest.approx(0.4, rel=0.01)
    assert meter.best_real_time_factor == pytest.approx(0.1)


def test_batch_during_which_the_process_was_suspended_hardly_counts():
    meter = SpeedMeter()
    for _ in range(200):
        meter.record(audio_seconds=2, compute_seconds=0.2)
    meter.record(audio_seconds=2, compute_seconds=60)
    assert meter.real_time_factor < 0.12
