"""The batch size that the warm-up settles on, on devices of known speed."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from engine_parts import RATE, FakeClock, FrameEncoder

from app.engine import EngineOptions
from app.engine.types import FloatArray
from app.engine.warmup import WarmUp, choose_windows, warm_up
from app.errors import ConfigurationError


def measured(
    seconds_for: Callable[[int], float], *, device: str = "cuda", fits: int = 10**6, **options
) -> tuple[WarmUp, list[int]]:
    """Warms up a device of a given speed; also returns the batches that it computed."""
    clock = FakeClock()
    sizes: list[int] = []

    def compute(windows: Sequence[FloatArray]) -> None:
        if len(windows[0]) < 20 * RATE:
            return
        if len(windows) > fits:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        sizes.append(len(windows))
        clock.now += seconds_for(len(windows))

    async def on_device(function: Callable[[], float]) -> float:
        return function()

    encoder = FrameEncoder(device=device, before=compute)
    given = EngineOptions(window_seconds=20.0, **options)
    found = asyncio.run(warm_up(encoder, on_device, given, clock=clock))
    return found, sizes


def test_batch_grows_while_doubling_raises_the_throughput():
    # A card that takes as long for 16 windows as for one.
    found, sizes = measured(lambda windows: 0.01 * max(1, windows / 16))
    assert found.budget_samples == 16 * 20 * RATE
    assert found.compute_seconds / found.audio_seconds == pytest.approx(0.01 / 320)
    assert max(sizes) == 32


def test_batch_stays_small_where_doubling_does_not_raise_the_throughput():
    found, sizes = measured(lambda windows: 0.01 * windows, device="cpu")
    assert found.budget_samples == 20 * RATE
    assert set(sizes) == {1, 2}


def test_slow_model_is_measured_once():
    found, sizes = measured(lambda windows: 4.0 * windows, device="cpu")
    assert sizes == [1]
    assert found.budget_samples == 20 * RATE
    assert found.compute_seconds / found.audio_seconds == pytest.approx(0.2)


def test_memory_bounds_the_batch():
    found, _ = measured(lambda windows: 0.01, fits=4)
    assert found.budget_samples == 4 * 20 * RATE


def test_limit_bounds_the_batch():
    found, sizes = measured(lambda windows: 0.01, max_windows_accelerator=8)
    assert found.budget_samples == 8 * 20 * RATE
    assert max(sizes) == 8


def test_configured_budget_is_used_and_the_speed_measured():
    found, sizes = measured(lambda windows: 0.01 * windows, batch_seconds=90.0)
    assert found.budget_samples == 90 * RATE
    assert set(sizes) == {1}
    assert found.compute_seconds > 0


def test_model_that_does_not_fit_is_refused_with_the_setting_to_change():
    with pytest.raises(ConfigurationError, match="One window of 20 s does not fit"):
        measured(lambda windows: 0.01, fits=0)


def test_other_errors_of_the_model_are_raised():
    async def on_device(function: Callable[[], float]) -> float:
        return function()

    def broken(windows: Sequence[FloatArray]) -> None:
        raise ValueError("no such kernel")

    with pytest.raises(ValueError, match="no such kernel"):
        asyncio.run(warm_up(FrameEncoder(before=broken), on_device, EngineOptions()))


def test_smallest_size_within_tolerance_of_the_best():
    assert choose_windows({1: 1.0, 2: 1.5, 4: 1.97, 8: 2.0}) == 4
    assert choose_windows({1: 0.96, 2: 1.0}) == 1
    assert choose_windows({1: np.float64(3.0)}) == 1
