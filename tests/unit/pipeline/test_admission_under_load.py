"""Admission in front of a simulated service: who is let in, and what the others are answered."""

import heapq
import itertools
import random
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from app.errors import OverloadedError
from app.pipeline.admission import RequestAdmission
from app.pipeline.workload import Work, Workload

PATIENCE = 30.0
CLIP_SECONDS = 5.0
CLIP_BYTES = 160_000
# The service takes a request after the other; most of it is not the encoder's work.
REQUEST_SECONDS = 0.03
AUDIO_FACTOR = 0.004
CLIPS_A_SECOND = 1 / (REQUEST_SECONDS + CLIP_SECONDS * AUDIO_FACTOR)


@dataclass
class Simulation:
    """A service that serves in the order of arrival, `slowness` times slower than it thinks."""

    slowness: float = 1.0
    encoder_factor: float = AUDIO_FACTOR
    now: float = 100.0
    free_at: float = 100.0
    latencies: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workload = Workload(lambda: self.encoder_factor, clock=lambda: self.now)
        self.admission = RequestAdmission(self.workload, patience=PATIENCE, clock=lambda: self.now)
        self._running: list[tuple[float, int, float, Work, ExitStack]] = []
        self._numbers = itertools.count()

    def until(self, instant: float) -> None:
        """Finishes what is done by then."""
        while self._running and self._running[0][0] <= instant:
            done, _, sent, work, stack = heapq.heappop(self._running)
            self.now = done
            work.encoded(0)
            work.finished = True
            stack.close()
            self.latencies.append(done - sent)
            self.finished.append(done)
        self.now = max(self.now, instant)

    def arrive(self, *, audio: float = CLIP_SECONDS, deadline: float | None = None) -> float | None:
        """One request; returns the seconds after which to come back where it is refused."""
        with ExitStack() as stack:
            work = stack.enter_context(self.workload.open("me"))
            work.expect(round(audio * CLIP_BYTES / CLIP_SECONDS))
            try:
                self.admission.check(work, deadline)
            except OverloadedError as error:
                self.refused.append((self.now, error.retry_after))
                return error.retry_after
            work.receive()
            work.decoded(audio)
            seconds = self.slowness * (REQUEST_SECONDS + audio * AUDIO_FACTOR)
            self.free_at = max(self.free_at, self.now) + seconds
            entry = (self.free_at, next(self._numbers), self.now, work, stack.pop_all())
            heapq.heappush(self._running, entry)
        return None

    def offer(self, times_capacity: float, seconds: float) -> None:
        """An open loop of clips; then everything that was accepted is finished."""
        generator = random.Random(1)
        instant, end = self.now, self.now + seconds
        while (instant := instant + generator.expovariate(times_capacity * CLIPS_A_SECOND)) < end:
            self.until(instant)
            self.arrive()
        self.until(end)


@pytest.mark.parametrize("slowness", [pytest.param(0.5, marks=pytest.mark.long), 1.0, 3.0])
def test_four_times_the_capacity_is_answered_in_time_or_refused(slowness: float) -> None:
    service = Simulation(slowness)
    service.offer(4 / slowness, 60)
    goodput = sum(1 for done in service.finished if done <= service.now)
    assert goodput >= 0.95 * 60 * CLIPS_A_SECOND / slowness
    service.until(1e9)
    in_time = sum(1 for seconds in service.latencies if seconds <= PATIENCE)
    assert in_time >= 0.95 * len(service.latencies)
    assert len(service.refused) > 1.2 * len(service.finished)


def test_load_below_the_capacity_is_never_refused() -> None:
    service = Simulation()
    service.offer(0.9, 60)
    assert not service.refused


def test_service_that_slows_down_under_load_still_answers_in_time() -> None:
    service = Simulation()
    service.offer(1.5, 40)
    service.slowness = 2.0
    service.encoder_factor *= 2
    service.offer(1.5, 90)
    before = len(service.latencies)
    service.offer(1.5, 60)
    late = [seconds for seconds in service.latencies[before:] if seconds > PATIENCE]
    assert len(late) <= 0.05 * len(service.latencies[before:])


def after_work() -> Simulation:
    """Returns a service that is idle, and knows how fast it is."""
    service = Simulation()
    service.offer(1.2, 20)
    service.until(service.now + 60)
    service.refused.clear()
    return service


def test_retry_after_does_not_count_on_the_slowness_of_the_burst_itself() -> None:
    service = after_work()
    service.slowness = 4.0
    service.encoder_factor *= 4
    clips = round(4 * PATIENCE * CLIPS_A_SECOND)
    for _ in range(clips):
        service.until(service.now + 4.0 / clips)
        service.arrive()
    seconds = max(seconds for _, seconds in service.refused)
    assert clips / CLIPS_A_SECOND / 2 <= seconds <= 2 * clips / CLIPS_A_SECOND


@pytest.mark.parametrize("early", [700, 900, 1100])
def test_client_that_comes_back_before_half_of_retry_after_is_refused_again(early: int) -> None:
    service = after_work()
    returns: list[tuple[float, int]] = []
    for number in range(round(2 * PATIENCE * CLIPS_A_SECOND)):
        service.until(service.now + 0.001)
        seconds = service.arrive()
        if seconds is not None:
            returns.append((service.now + (0.45 if number == early else 1.0) * seconds, number))
    accepted: dict[int, bool] = {}
    for instant, number in sorted(returns):
        service.until(instant)
        accepted[number] = service.arrive() is None
    assert not accepted.pop(early)
    assert sum(accepted.values()) >= 0.9 * len(accepted)


def test_room_kept_for_clients_that_do_not_come_back_is_not_lost() -> None:
    service = after_work()
    for _ in range(round(4 * PATIENCE * CLIPS_A_SECOND)):
        service.arrive()
    before = len(service.finished)
    service.offer(1.5, 60)
    assert len(service.finished) - before >= 0.98 * 60 * CLIPS_A_SECOND


def test_refused_burst_is_accepted_after_retry_after() -> None:
    service = after_work()
    clips = round(2 * PATIENCE * CLIPS_A_SECOND)
    start = service.now
    returns = [(start, start, number) for number in range(clips)]
    first: dict[int, float] = {}
    accepted: dict[int, float] = {}
    while returns:
        instant, _, number = heapq.heappop(returns)
        service.until(instant)
        seconds = service.arrive()
        if seconds is None:
            accepted[number] = instant - start
        else:
            first.setdefault(number, seconds)
            heapq.heappush(returns, (instant + seconds, instant, number))
    refused = [number for number in first if first[number] > 1]
    assert len(refused) > clips / 4
    for number in refused:
        assert accepted[number] / 2 <= first[number] <= 2 * accepted[number]
    # Nor did they come back too late: the service was never idle.
    assert service.free_at - start == pytest.approx(clips / CLIPS_A_SECOND, rel=0.05)


def test_retry_after_is_as_long_as_the_excess_takes() -> None:
    service = Simulation()
    service.offer(4, 20)
    backlog = service.free_at - service.now
    # A few may take the place of those who were refused and are due, but no more.
    assert any(service.arrive() is not None for _ in range(100))
    # Once it has stopped, a single further clip is accepted as soon as there is room.
    assert backlog <= PATIENCE
    service.until(service.now + 0.5 * PATIENCE)
    assert service.arrive() is None
    service.refused.clear()
    # What those refused before did not come back for is free again.
    service.until(service.now + PATIENCE)
    for _ in range(round(2 * PATIENCE * CLIPS_A_SECOND)):
        service.arrive()
    assert service.refused[0][1] <= 2.0


def test_deadline_of_a_client_counts_instead_of_the_patience() -> None:
    service = Simulation()
    service.offer(2, 10)
    service.until(service.now + 60)
    while service.free_at - service.now < 10:
        assert service.arrive() is None
    seconds = service.arrive(deadline=service.now + 5)
    assert seconds == pytest.approx(6, abs=2)
    assert service.arrive(deadline=service.now + 20) is None


def test_long_recording_is_accepted_while_others_do_not_slow_it_down_too_much() -> None:
    service = Simulation()
    assert service.arrive(audio=14_000) is None
    assert service.arrive(audio=14_000) is None
    assert service.arrive(audio=14_000) is not None
    # A clip has fair queueing before it, which lets it overtake them.
    assert service.arrive() is None


def test_clip_of_another_caller_is_accepted_while_one_caller_fills_the_service() -> None:
    service = Simulation()
    service.offer(4, 20)
    with service.workload.open("other") as work:
        work.expect(CLIP_BYTES)
        service.admission.check(work, None)


def test_refusal_names_what_was_exceeded_and_the_alternative() -> None:
    service = Simulation()
    while service.arrive() is None:
        pass
    with service.workload.open("me") as work, pytest.raises(OverloadedError) as refused:
        service.admission.check(work, None)
    assert "within 30 s (NORDLYD_MAX_WAIT_SECONDS)" in refused.value.message
    assert "POST /jobs" in refused.value.message
    assert refused.value.status == 429


def test_uploads_that_are_slow_to_arrive_delay_no_other_request() -> None:
    service = Simulation()
    service.offer(0.5, 20)
    with ExitStack() as stack:
        for number in range(2_000):
            work = stack.enter_context(service.workload.open(f"address:{number}"))
            work.expect(1_000 * CLIP_BYTES)
        # Together with a burst they may all be there in a moment.
        assert service.arrive() is not None
        service.refused.clear()
        service.until(service.now + 10)
        service.offer(0.5, 20)
        assert not service.refused
    # Nor did they count as work that the service was slow with.
    assert service.workload.meter.slowness < 3


def test_device_that_hung_does_not_count_as_slow() -> None:
    service = Simulation()
    service.offer(2, 10)
    before = service.workload.meter.slowness
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(service.workload.open("me")).receive()
        service.until(service.now + 10)
        service.now += 600
    assert service.workload.meter.slowness <= 1.1 * before


def test_clips_are_not_expected_to_be_slow_because_long_recordings_were() -> None:
    service = Simulation()
    service.offer(2, 10)
    for _ in range(5):
        service.arrive(audio=3_600)
        service.until(service.free_at)
    service.offer(0.9, 20)
    with service.workload.open("me") as work:
        work.expect(CLIP_BYTES)
        expected = service.workload.seconds_of(work)
    assert 0.5 <= expected * CLIPS_A_SECOND <= 2


def refused_at_once(service: Simulation) -> bool:
    with service.workload.open("me") as work:
        work.expect(CLIP_BYTES)
        try:
            service.admission.refuse_at_once(work)
        except OverloadedError:
            return True
    return False


def test_refusal_before_routing_is_the_refusal_of_the_route() -> None:
    service = after_work()
    assert not refused_at_once(service)
    clips = 0
    while not refused_at_once(service):
        assert service.arrive() is None
        clips += 1
    assert clips == pytest.approx(0.8 * PATIENCE * CLIPS_A_SECOND, rel=0.05)
    assert all(refused_at_once(service) for _ in range(20))
    service.until(service.now + 0.6 * PATIENCE)
    assert not refused_at_once(service)


def test_decision_before_routing_leaves_the_place_of_a_client_that_is_due() -> None:
    service = after_work()
    while len(service.refused) < 100:
        service.arrive()
    service.until(service.now + 1.01)
    assert not any(refused_at_once(service) for _ in range(200))
    admitted = 0
    while service.arrive() is None:
        admitted += 1
    assert 0 < admitted <= 25
    assert refused_at_once(service)
