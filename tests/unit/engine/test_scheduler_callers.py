"""In which order the scheduler serves callers, and the requests of each."""

from scheduler_parts import leaders, scheduler


def test_callers_take_turns_however_many_requests_they_have():
    queue = scheduler()
    for ticket in range(1, 7):
        queue.add(ticket, "m", [20], now=0, caller="many")
    queue.add(7, "m", [20] * 3, now=0, caller="one")
    assert leaders(queue, 9) == [1, 7, 2, 7, 3, 7, 4, 5, 6]


def test_constant_stream_of_new_callers_does_not_starve_an_earlier_one():
    queue = scheduler()
    queue.add(0, "m", [20] * 5, now=0, caller="old")
    assert leaders(queue, 1, now=0) == [0]
    order = []
    for second in range(1, 30):
        queue.add(second, "m", [20], now=second, caller=f"new {second}")
        order += leaders(queue, 1, now=second)
    # Once in every ten seconds of patience.
    assert [index for index, ticket in enumerate(order) if ticket == 0] == [9, 19]


def test_idle_caller_accumulates_no_credit():
    queue = scheduler()
    queue.add(1, "m", [20], now=0, caller="idle")
    assert leaders(queue, 1) == [1]
    queue.add(2, "m", [20] * 10, now=0, caller="busy")
    assert leaders(queue, 6) == [2] * 6
    queue.add(3, "m", [20] * 10, now=0, caller="idle")
    # It is ahead by the round it missed, and not by the six before it.
    assert leaders(queue, 6) == [3, 3, 2, 3, 2, 3]


def test_idle_caller_does_not_count_as_waiting():
    queue = scheduler()
    queue.add(1, "m", [20] * 2, now=0, caller="idle")
    assert leaders(queue, 2, now=0) == [1, 1]
    queue.add(2, "m", [20] * 5, now=95, caller="busy")
    assert leaders(queue, 1, now=95) == [2]
    queue.add(3, "m", [20], now=100, caller="idle")
    assert leaders(queue, 2, now=100) == [2, 3]


def test_further_request_of_a_caller_does_not_shorten_how_long_it_has_waited():
    queue = scheduler()
    queue.add(1, "m", [20] * 9, now=0, caller="served")
    queue.add(2, "m", [20] * 9, now=0, caller="waits")
    assert leaders(queue, 1, now=1) == [1]
    queue.add(3, "m", [20] * 9, now=9, caller="waits")
    assert leaders(queue, 1, now=12) == [2]


def test_caller_that_cancelled_its_only_request_is_treated_as_new():
    queue = scheduler()
    queue.add(1, "m", [20], now=0, caller="cancels")
    queue.discard(1)
    queue.add(2, "m", [20] * 9, now=95, caller="busy")
    assert leaders(queue, 5, now=95) == [2] * 5
    queue.add(3, "m", [20] * 9, now=100, caller="cancels")
    # It has not waited since its first request, and is ahead by the round it missed alone.
    assert leaders(queue, 6, now=100) == [3, 3, 2, 3, 2, 3]


def test_caller_that_cancels_one_request_keeps_its_turns_for_another():
    queue = scheduler()
    queue.add(1, "m", [20] * 3, now=0, caller="a")
    queue.add(2, "m", [20] * 3, now=0, caller="b")
    queue.add(3, "m", [20] * 3, now=0, caller="b")
    assert leaders(queue, 2) == [1, 2]
    queue.discard(2)
    assert leaders(queue, 4) == [3, 1, 3, 1]


def test_turns_of_a_caller_count_for_all_its_requests():
    queue = scheduler()
    queue.add(1, "m", [20] * 9, now=0, caller="a")
    queue.add(2, "m", [20] * 9, now=0, caller="b")
    assert leaders(queue, 1) == [1]
    queue.add(3, "m", [20] * 9, now=0, caller="b")
    assert 5 <= leaders(queue, 12).count(1) <= 6


def test_cleared_queue_behaves_like_a_new_one():
    queue = scheduler()
    queue.add(1, "m", [20] * 9, now=0, caller="a")
    queue.add(2, "m", [20] * 9, now=0, caller="b")
    leaders(queue, 3)
    queue.clear()
    assert queue.queued_windows == 0
    assert queue.next_batch(0) is None
    queue.add(1, "m", [20] * 3, now=0, caller="a")
    queue.add(2, "m", [20] * 3, now=0, caller="b")
    assert leaders(queue, 4) == [1, 2, 1, 2]
    assert queue.queued_windows == 2


def test_longest_wait_is_first_among_callers_and_requests_past_their_patience():
    queue = scheduler()
    queue.add(1, "m", [20] * 9, now=0, caller="served last")
    queue.add(2, "m", [20] * 9, now=0, caller="served first")
    assert leaders(queue, 1, now=1) == [1]
    assert leaders(queue, 2, now=2) == [2, 1]
    # Their turns are 2 and 1.
    queue.add(3, "m", [20], now=1, caller="new")
    assert leaders(queue, 1, now=20) == [3]
    one_caller = scheduler()
    one_caller.add(1, "m", [20] * 9, now=0)
    assert leaders(one_caller, 3, now=0) == [1, 1, 1]
    one_caller.add(2, "m", [20], now=1)
    assert leaders(one_caller, 1, now=20) == [1]
