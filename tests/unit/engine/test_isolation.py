"""A batch that fails is split until every window has emissions or an error of its own."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from app.engine.isolation import (
    BatchContext,
    DeviceLostError,
    encode_isolated,
    is_device_lost,
    is_out_of_memory,
)
from app.engine.scheduler import Item
from app.engine.types import FloatArray
from app.errors import AudioError, EncodingError

pytestmark = pytest.mark.long


@dataclass
class Device:
    """An encoder on windows of 1 sample a ticket; fails if `fails` raises, and keeps its calls."""

    fails: Callable[[list[float]], Exception | None] = lambda tickets: None
    cancelled: set[int] = field(default_factory=set)
    unreadable: dict[int, Exception] = field(default_factory=dict)
    lost: int = 0
    calls: list[list[float]] = field(default_factory=list)
    out_of_memory: list[int] = field(default_factory=list)
    now: float = 0.0

    def encode(self, waves: Sequence[FloatArray]) -> list[FloatArray]:
        self.now += 2.0
        tickets = [float(wave[0]) for wave in waves]
        self.calls.append(tickets)
        if error := self.fails(tickets):
            raise error
        return [wave[:1, None] for wave in waves][self.lost :]

    def load(self, item: Item) -> FloatArray:
        if item.ticket in self.unreadable:
            raise self.unreadable[item.ticket]
        return np.full(item.samples, item.ticket, np.float32)

    def run(self, items: Iterable[Item]) -> tuple[dict[int, float], dict[int, str], list[float]]:
        """Emissions and errors by ticket, and the seconds of each call that gave any."""
        context = BatchContext(
            encode=self.encode,
            load=self.load,
            is_pending=lambda item: item.ticket not in self.cancelled,
            describe=lambda item: f"window {item.ticket}",
            out_of_memory=self.out_of_memory.append,
            clock=lambda: self.now,
        )
        attempts = list(encode_isolated(list(items), context))
        assert all(attempt.encoded or attempt.failed for attempt in attempts)
        assert not any(attempt.seconds for attempt in attempts if not attempt.encoded)
        encoded = [pair for attempt in attempts for pair in attempt.encoded]
        failed = [pair for attempt in attempts for pair in attempt.failed]
        tickets = [item.ticket for item, _ in (*encoded, *failed)]
        assert len(set(tickets)) == len(tickets)
        return (
            {item.ticket: float(emissions[0, 0]) for item, emissions in encoded},
            {item.ticket: error.message for item, error in failed},
            [attempt.seconds for attempt in attempts if attempt.encoded],
        )


def items(count: int) -> list[Item]:
    """Windows of tickets 0, 1, …, the first ones longer."""
    return [Item(ticket, 0, 10 - ticket) for ticket in range(count)]


def fails_with(error: Exception, ticket: int) -> Callable[[list[float]], Exception | None]:
    return lambda tickets: error if ticket in tickets else None


def test_successful_batch_is_one_call():
    device = Device()
    assert device.run(items(4)) == ({0: 0, 1: 1, 2: 2, 3: 3}, {}, [2.0])
    assert device.calls == [[0, 1, 2, 3]]


def test_batch_is_halved_until_the_window_at_fault_is_alone():
    device = Device(fails_with(ValueError("bad\nvalue"), 3))
    encoded, failed, seconds = device.run(items(5))
    assert encoded == {0: 0, 1: 1, 2: 2, 4: 4}
    assert failed == {3: "The model failed on window 3: ValueError: bad\nvalue"}
    assert device.calls == [[0, 1, 2, 3, 4], [0, 1, 2], [3, 4], [3], [4]]
    assert seconds == [2.0, 2.0]
    assert device.out_of_memory == []


def test_error_of_the_service_is_kept_and_a_long_one_is_cut():
    own = AudioError("no audio here")
    assert Device(fails_with(own, 0)).run(items(1))[1] == {0: "no audio here"}
    long = Device(fails_with(ValueError("x" * 1000), 0)).run(items(1))[1][0]
    assert len(long) == len("The model failed on window 0: ") + 300


def test_window_that_cannot_be_loaded_fails_before_the_call():
    device = Device(unreadable={1: OSError("gone"), 2: EncodingError("own words")})
    encoded, failed, _ = device.run(items(3))
    assert encoded == {0: 0}
    assert failed == {1: "The model failed on window 1: OSError: gone", 2: "own words"}
    assert device.calls == [[0]]


def test_batch_without_a_loadable_window_makes_no_call():
    device = Device(unreadable={0: OSError("gone")})
    assert list(device.run(items(1))[1]) == [0]
    assert device.calls == []


def test_cancelled_windows_are_dropped_before_each_call():
    device = Device(cancelled={0})

    def cancels(tickets: list[float]) -> Exception | None:
        device.cancelled.add(2)
        return ValueError("bad") if len(tickets) > 2 else None

    device.fails = cancels
    encoded, failed, _ = device.run(items(4))
    assert (encoded, failed) == ({1: 1, 3: 3}, {})
    assert device.calls == [[1, 2, 3], [1], [3]]
    assert Device(cancelled={0, 1}).run(items(2)) == ({}, {}, [])


def test_out_of_memory_halves_reports_padded_samples_and_tries_a_single_window_again():
    device = Device(lambda tickets: MemoryError() if len(tickets) > 1 else None)
    encoded, failed, _ = device.run(items(4))
    assert (encoded, failed) == ({0: 0, 1: 1, 2: 2, 3: 3}, {})
    assert device.out_of_memory == [4 * 10, 2 * 10, 2 * 8]
    once = Device(lambda _: MemoryError() if len(once.calls) == 1 else None)
    assert once.run(items(1)) == ({0: 0}, {}, [2.0])
    never = Device(lambda _: MemoryError())
    assert never.run(items(1))[1] == {0: "The model failed on window 0: out of memory"}
    assert never.calls == [[0], [0]]
    assert never.out_of_memory == [10]


def test_window_that_ran_out_of_memory_beside_others_has_a_second_try_alone():
    device = Device(lambda _: MemoryError() if len(device.calls) <= 2 else None)
    encoded, failed, _ = device.run(items(2))
    assert (encoded, failed) == ({0: 0, 1: 1}, {})
    assert device.calls == [[0, 1], [0], [0], [1]]
    last = Device(lambda tickets: MemoryError() if len(last.calls) in {1, 3} else None)
    assert last.run(items(2))[0] == {0: 0, 1: 1}
    assert last.calls == [[0, 1], [0], [1], [1]]


def test_memory_of_a_failed_call_is_released_before_its_parts_are_tried():
    alive: list[weakref.ref[Any]] = []
    found: list[bool] = []

    class Cycle:
        """Freed by the garbage collector alone."""

        def __init__(self) -> None:
            self.itself = self

    device = Device()
    encode = device.encode

    def watched(waves: Sequence[FloatArray]) -> list[FloatArray]:
        found.extend(reference() is not None for reference in alive)
        alive[:] = [weakref.ref(wave) for wave in waves]
        if len(waves) > 1:
            alive.append(weakref.ref(Cycle()))
            raise MemoryError
        return encode(waves)

    device.encode = watched  # type: ignore[method-assign]
    assert device.run(items(2))[0] == {0: 0, 1: 1}
    assert found[:3] == [False] * 3


def test_encoder_that_returns_too_few_results_fails_the_windows():
    _, failed, _ = Device(lost=1).run(items(2))
    assert failed[0].endswith("RuntimeError: 0 results for 1 windows")
    assert set(failed) == {0, 1}


def test_lost_device_fails_every_window():
    device = Device(fails_with(RuntimeError("CUDA error: illegal access"), 0))
    with pytest.raises(DeviceLostError, match="illegal access"):
        device.run(items(2))
    assert len(device.calls) == 1


def test_out_of_memory_is_distinguished_from_other_errors():
    class OutOfMemoryError(RuntimeError):
        """As torch's."""

    class AcceleratorError(RuntimeError):
        """As torch's."""

    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(OutOfMemoryError("full"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert is_out_of_memory(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"))
    assert not is_out_of_memory(RuntimeError("CUDA error: illegal access"))
    assert not is_out_of_memory(ValueError("odd"))
    assert is_device_lost(RuntimeError("device-side assert triggered"))
    assert is_device_lost(AcceleratorError("any"))
    assert not is_device_lost(RuntimeError("odd"))
    assert not is_device_lost(RuntimeError("CUDA error: out of memory"))
    assert not is_device_lost(ValueError("CUDA error: illegal access"))
