"""The queue's decisions, one at a time and under arbitrary sequences of events."""

import pytest
from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scheduler_parts import PATIENCE, leaders, scheduler, served


def test_windows_of_one_request_leave_in_order():
    queue = scheduler()
    queue.add(7, "m", [20] * 4, now=0)
    assert [served(queue.next_batch(0)) for _ in range(4)] == [
        [(7, 0)],
        [(7, 1)],
        [(7, 2)],
        [(7, 3)],
    ]
    assert queue.next_batch(0) is None
    assert queue.queued_windows == 0


def test_requests_take_turns():
    queue = scheduler()
    for ticket in (1, 2, 3):
        queue.add(ticket, "m", [20] * 3, now=0)
    assert leaders(queue, 9) == [1, 2, 3, 1, 2, 3, 1, 2, 3]


def test_request_that_can_no_longer_meet_its_deadline_is_dropped():
    queue = scheduler()
    queue.add(1, "m", [20] * 3, now=0, deadline=10, window_seconds=2)
    assert queue.expire(4) == [1]
    queue.add(2, "m", [20] * 3, now=0, deadline=10, window_seconds=2)
    assert queue.expire(3) == []
    assert leaders(queue, 1) == [2]
    assert queue.expire(5) == []
    assert queue.expire(6) == [2]


def test_new_request_is_served_before_those_already_served_in_this_round():
    queue = scheduler()
    queue.add(1, "m", [20] * 30, now=0)
    queue.add(2, "m", [20] * 30, now=0)
    assert leaders(queue, 5, now=1) == [1, 2, 1, 2, 1]
    queue.add(3, "m", [3], now=2)
    # 2 has had its turn in no round that 3 missed; 1 has.
    assert leaders(queue, 4, now=2) == [2, 3, 1, 2]


def test_new_request_has_no_credit_for_the_time_before_its_arrival():
    queue = scheduler()
    queue.add(1, "m", [20] * 100, now=0)
    leaders(queue, 50)
    queue.add(2, "m", [20] * 50, now=0)
    turns = leaders(queue, 10)
    assert turns.count(1) == turns.count(2) == 5


def test_request_for_a_forgotten_model_is_refused():
    queue = scheduler(models=("m", "n"))
    queue.forget("m")
    with pytest.raises(KeyError, match="m"):
        queue.add(1, "m", [20], now=0)
    assert queue.next_batch(0) is None
    queue.add(1, "n", [20], now=0)
    assert leaders(queue, 1) == [1]
    queue.forget("never served")


def test_constant_stream_of_new_requests_does_not_starve_a_long_recording():
    queue = scheduler()
    queue.add(0, "m", [20] * 1000, now=0.0)
    leaders(queue, 1)
    # A clip a second, each of which takes a second: nothing would be left for the recording.
    turns = []
    for step in range(1, 101):
        queue.add(step, "m", [3], now=float(step))
        turns += [step] if leaders(queue, 1, now=float(step)) == [0] else []
    gaps = [after - before for before, after in zip([0, *turns], [*turns, 101], strict=True)]
    # It gets its turn when its patience is over, behind clips that waited for even longer.
    assert max(gaps) <= PATIENCE + len(turns)


def test_longest_waiting_request_is_first_once_its_patience_has_elapsed():
    queue = scheduler()
    queue.add(1, "m", [20] * 10, now=0)
    queue.add(2, "m", [20] * 10, now=1)
    assert leaders(queue, 2, now=1) == [1, 2]
    assert leaders(queue, 1, now=2) == [1]
    # Both have waited too long, 2 for longer, although 1 was served more often.
    queue.add(3, "m", [20], now=13)
    assert leaders(queue, 3, now=13) == [2, 1, 3]


def test_equal_lengths_share_a_batch_round_robin():
    queue = scheduler(budget=120)
    queue.add(1, "m", [20] * 5, now=0)
    queue.add(2, "m", [20] * 5, now=0)
    batch = queue.next_batch(0)
    assert sorted(served(batch)) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    assert batch.padded_samples == 120
    assert batch.padding_share == 0


def test_batch_of_a_short_window_is_not_filled_with_long_ones():
    queue = scheduler(budget=200)
    queue.add(1, "m", [20] * 50, now=0)
    queue.next_batch(0)
    queue.add(2, "m", [3], now=0)
    assert served(queue.next_batch(0)) == [(2, 0)]


def test_similar_lengths_share_a_batch_longest_first():
    queue = scheduler(budget=100)
    for ticket, samples in enumerate([18, 20, 5, 19]):
        queue.add(ticket, "m", [samples], now=0)
    batch = queue.next_batch(0)
    assert [item.samples for item in batch.items] == [20, 19, 18]
    assert batch.padding_share == pytest.approx(3 / 60)
    assert served(queue.next_batch(0)) == [(2, 0)]


def test_windows_of_equal_length_are_batched_before_similar_ones():
    queue = scheduler(40)
    queue.add(1, "m", [20], now=0)
    queue.add(2, "m", [19], now=0)
    queue.add(3, "m", [20], now=0)
    assert served(queue.next_batch(0)) == [(1, 0), (3, 0)]


def test_similar_windows_come_first_from_requests_with_the_fewest_in_the_batch():
    queue = scheduler(60)
    queue.add(2, "m", [60] * 5 + [19], now=0)
    assert leaders(queue, 5) == [2] * 5
    queue.add(1, "m", [20, 20, 19], now=0)
    assert served(queue.next_batch(0)) == [(1, 0), (1, 1), (2, 5)]


def test_padding_may_reach_its_bound():
    queue = scheduler(8, max_padding_share=0.125)
    queue.add(1, "m", [4], now=0)
    queue.add(2, "m", [3], now=0)
    assert served(queue.next_batch(0)) == [(1, 0), (2, 0)]


def test_longer_window_is_batched_only_within_the_budget():
    queue = scheduler(38)
    queue.add(1, "m", [18], now=0)
    queue.add(2, "m", [20], now=0)
    assert served(queue.next_batch(0)) == [(1, 0)]


def test_window_longer_than_the_budget_runs_alone():
    queue = scheduler(budget=10)
    queue.add(1, "m", [20], now=0)
    queue.add(2, "m", [20], now=0)
    assert served(queue.next_batch(0)) == [(1, 0)]
    assert served(queue.next_batch(0)) == [(2, 0)]


def test_batch_is_of_one_model_and_models_take_turns():
    queue = scheduler(budget=40, models=("a", "b"))
    queue.add(1, "a", [20] * 4, now=0)
    queue.add(2, "b", [20] * 4, now=0)
    batches = [queue.next_batch(0) for _ in range(4)]
    assert [batch.model for batch in batches] == ["a", "b", "a", "b"]
    assert served(batches[0]) == [(1, 0), (1, 1)]


def test_discarded_request_is_never_served():
    queue = scheduler()
    queue.add(1, "m", [20] * 3, now=0)
    queue.add(2, "m", [20], now=0)
    queue.next_batch(0)
    queue.discard(1)
    queue.discard(99)
    assert queue.queued_windows == 1
    assert leaders(queue, 1) == [2]
    assert queue.next_batch(0) is None


def test_expired_request_is_dropped_and_its_ticket_returned():
    queue = scheduler()
    queue.add(1, "m", [20], now=0, deadline=5.0)
    queue.add(2, "m", [20], now=0, deadline=50.0)
    queue.add(3, "m", [20], now=0)
    assert queue.expire(4.9) == []
    assert queue.expire(5.0) == [1]
    assert leaders(queue, 2, now=5) == [2, 3]


def test_request_without_windows_or_with_a_taken_ticket_or_unknown_model_is_refused():
    queue = scheduler()
    queue.add(1, "m", [20], now=0)
    with pytest.raises(ValueError, match="1"):
        queue.add(1, "m", [20], now=0)
    with pytest.raises(ValueError, match="window"):
        queue.add(2, "m", [], now=0)
    with pytest.raises(KeyError):
        queue.add(2, "other", [20], now=0)
    assert queue.queued_windows == 1


class SchedulerMachine(RuleBasedStateMachine):
    """Any mixture of arrivals, cancellations, deadlines, batches and out-of-memory errors."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = scheduler(60, models=("a", "b"))
        self.now = 0.0
        self.tickets = 0
        self.waiting: dict[int, tuple[str, list[int], float | None]] = {}
        self.next_index: dict[int, int] = {}
        self.passed_over: dict[int, int] = {}

    @rule(
        model=st.sampled_from("ab"),
        lengths=st.lists(st.sampled_from([1, 7, 18, 20, 90]), min_size=1, max_size=8),
        patience=st.none() | st.floats(0.5, 30),
    )
    def arrives(self, model, lengths, patience):
        deadline = None if patience is None else self.now + patience
        self.queue.add(self.tickets, model, lengths, now=self.now, deadline=deadline)
        self.waiting[self.tickets] = (model, lengths, deadline)
        self.next_index[self.tickets] = 0
        self.passed_over[self.tickets] = 0
        self.tickets += 1

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def disconnects(self, data):
        ticket = data.draw(st.sampled_from(sorted(self.waiting)))
        self.queue.discard(ticket)
        del self.waiting[ticket]

    @rule(seconds=st.floats(0.01, 15))
    def time_passes(self, seconds):
        self.now += seconds
        late = {
            ticket
            for ticket, (_, _, deadline) in self.waiting.items()
            if deadline is not None and deadline <= self.now
        }
        assert set(self.queue.expire(self.now)) == late
        for ticket in late:
            del self.waiting[ticket]

    @rule(model=st.sampled_from("ab"))
    def runs_out_of_memory(self, model):
        budget = self.queue.budget(model)
        budget.out_of_memory(budget.samples)

    @rule(model=st.sampled_from("ab"))
    def fits(self, model):
        self.queue.budget(model).succeeded()

    @rule()
    def device_is_free(self):
        batch = self.queue.next_batch(self.now)
        assert (batch is None) == (not self.waiting)
        if batch is None:
            return
        budget = self.queue.budget(batch.model).samples
        assert len(batch.items) == 1 or batch.padded_samples <= budget
        lengths = [item.samples for item in batch.items]
        assert lengths == sorted(lengths, reverse=True)
        for item in sorted(batch.items, key=lambda item: (item.ticket, item.index)):
            model, windows, _ = self.waiting[item.ticket]
            assert model == batch.model
            assert item.index == self.next_index[item.ticket]
            assert item.samples == windows[item.index]
            self.next_index[item.ticket] += 1
            if self.next_index[item.ticket] == len(windows):
                del self.waiting[item.ticket]
        tickets = {item.ticket for item in batch.items}
        for ticket in self.waiting:
            self.passed_over[ticket] = 0 if ticket in tickets else self.passed_over[ticket] + 1
            # No request waits for more batches than there have ever been windows of others.
            assert self.passed_over[ticket] <= 8 * self.tickets

    @invariant()
    def counts_what_waits(self):
        left = sum(
            len(lengths) - self.next_index[ticket]
            for ticket, (_, lengths, _) in self.waiting.items()
        )
        assert self.queue.queued_windows == left

    def teardown(self):
        for _ in range(self.queue.queued_windows):
            self.device_is_free()
        assert self.queue.next_batch(self.now) is None


SchedulerMachine.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=40, deadline=None
)
TestAnySequenceOfEvents = SchedulerMachine.TestCase
