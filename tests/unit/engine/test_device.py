"""The device thread on its own, without an event loop."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from engine_parts import RATE, FakeClock, FrameEncoder, Gate, constant, frame_features

from app.engine.device import Delivery, DeviceThread, Work
from app.engine.scheduler import Budget, Scheduler
from app.errors import DeadlineExceededError


@contextmanager
def device_with(
    encoder: FrameEncoder, clock: FakeClock
) -> Iterator[tuple[DeviceThread, queue.Queue[Delivery]]]:
    deliveries: queue.Queue[Delivery] = queue.Queue()
    device = DeviceThread(
        "cpu",
        scheduler=Scheduler(patience_seconds=10, max_padding_share=0.1),
        hang_seconds=60,
        deliver=deliveries.put,
        clock=clock,
    )
    device.serve("m", encoder, Budget(80 * RATE, recovery_batches=8))
    device.start()
    try:
        yield device, deliveries
    finally:
        assert device.stop(10)


def work(value: float, seconds: float = 20, deadline: float | None = None) -> Work:
    return Work(
        model="m",
        lengths=(round(seconds * RATE),),
        load=lambda index: constant(value, seconds),
        describe=lambda index: f"window {index}",
        deadline=deadline,
    )


def test_window_is_delivered_with_its_emissions_and_the_seconds_they_took():
    clock = FakeClock()

    def two_seconds(windows):
        clock.now += 2

    with device_with(FrameEncoder(before=two_seconds), clock) as (device, deliveries):
        device.submit(5, work(1.0))
        delivery = deliveries.get(timeout=10)
    [(item, emissions)] = delivery.encoded
    assert (item.ticket, item.index) == (5, 0)
    np.testing.assert_array_equal(emissions, frame_features(constant(1.0, 20)))
    assert (delivery.model, delivery.seconds, delivery.failed) == ("m", 2, ())


def test_work_past_its_deadline_fails_and_is_never_computed():
    clock = FakeClock()
    encoder = FrameEncoder(before=(gate := Gate()))
    with device_with(encoder, clock) as (device, deliveries):
        device.submit(1, work(1.0))
        assert gate.entered.wait(10)
        device.submit(2, work(2.0, deadline=clock.now + 5))
        clock.now += 6
        gate.open()
        first, second = deliveries.get(timeout=10), deliveries.get(timeout=10)
    assert [item.ticket for item, _ in first.encoded] == [1]
    [(ticket, error)] = second.failed
    assert ticket == 2
    assert isinstance(error, DeadlineExceededError)
    assert encoder.calls == [[1.0]]


def test_work_discarded_while_its_batch_is_split_is_not_computed_again():
    encoder = FrameEncoder()
    clock = FakeClock()
    with device_with(encoder, clock) as (device, deliveries):

        def first_call_fails(windows):
            if len(windows) == 4:
                device.discard(2)
                clock.now += 6
                raise MemoryError

        encoder.before = gate = Gate()
        device.submit(0, work(0.0, seconds=1))
        assert gate.entered.wait(10)
        encoder.before = first_call_fails
        for ticket in (1, 2, 3):
            device.submit(ticket, work(float(ticket)))
        device.submit(4, work(4.0, deadline=clock.now + 5))
        gate.open()
        answered = [item.ticket for _ in range(3) for item, _ in deliveries.get(timeout=10).encoded]
    assert answered == [0, 1, 3]
    assert encoder.calls == [[0.0], [1.0, 2.0, 3.0, 4.0], [1.0], [3.0]]


def test_failed_request_has_no_further_window_computed():
    encoder = FrameEncoder()
    with device_with(encoder, FakeClock()) as (device, deliveries):

        def fails_on_one(windows):
            if windows[0][0] == 1.0:
                raise ValueError("bad")

        encoder.before = fails_on_one
        long_work = Work(
            model="m",
            lengths=(20 * RATE, 5 * RATE, 2 * RATE),
            load=lambda index: constant(1.0, (20, 5, 2)[index]),
            describe=lambda index: f"window {index}",
            deadline=None,
        )
        device.submit(1, long_work)
        assert [ticket for ticket, _ in deliveries.get(timeout=10).failed] == [1]
        device.submit(2, work(2.0))
        assert [item.ticket for item, _ in deliveries.get(timeout=10).encoded] == [2]
    assert encoder.calls == [[1.0], [2.0]]


def test_jobs_run_between_batches():
    order = []
    encoder = FrameEncoder(before=(gate := Gate()))
    with device_with(encoder, FakeClock()) as (device, deliveries):
        device.submit(1, work(1.0))
        assert gate.entered.wait(10)
        device.submit(2, work(2.0))
        encoder.before = lambda windows: order.append("batch")
        device.call(lambda: order.append("job"))
        gate.open()
        for _ in range(2):
            deliveries.get(timeout=10)
    assert order == ["job", "batch"]


def test_idle_device_is_healthy_and_a_stopped_one_reports_a_fault():
    with device_with(FrameEncoder(), FakeClock()) as (device, _):
        assert device.fault() is None
    fault = device.fault()
    assert fault is not None
    assert fault.code == "failed"
