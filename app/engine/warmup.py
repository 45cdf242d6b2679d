"""Measures an encoder: returns its speed and the batch budget that suits its device."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import numpy as np
import structlog

from app.engine.isolation import is_out_of_memory, release_memory
from app.engine.types import Encoder, EngineOptions, FloatArray
from app.errors import ConfigurationError

_TOLERANCE = 0.05
_REPEATS = 3
_FIRST_CALL_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What the warm-up measured.

    Args:
        budget_samples: padded samples a batch may hold.
        audio_seconds: audio in the measured batch of the chosen size.
        compute_seconds: what that batch took.
    """

    budget_samples: int
    audio_seconds: float
    compute_seconds: float


def choose_windows(throughput: Mapping[int, float], *, tolerance: float = _TOLERANCE) -> int:
    """Returns the smallest number of windows whose throughput is near the best one.

    Args:
        throughput: windows per second by number of windows.
        tolerance: share of the best throughput that may be lost, 0 to 1.
    """
    best = max(throughput.values())
    return min(windows for windows, speed in throughput.items() if speed >= (1 - tolerance) * best)


async def warm_up(
    encoder: Encoder,
    run: Callable[[Callable[[], float]], Awaitable[float]],
    options: EngineOptions,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> WarmUp:
    """Measures batches of 1, 2, 4, … windows until doubling no longer helps.

    Each measurement is one call on the device thread, so that other models are served in
    between. A configured budget is used unchanged, and only the speed is measured.

    Args:
        encoder: what to measure.
        run: runs a function on the device thread and returns what it returns.
        options: window length and limits.
        clock: seconds, monotonic.

    Raises:
        ConfigurationError: not even one window fits into the device's memory.
    """
    length = round(options.window_seconds * options.sample_rate)
    noise = np.random.default_rng(0).standard_normal(length, dtype=np.float32)
    limit = options.warmup_seconds(encoder.device)
    max_windows = 1 if options.batch_seconds else options.max_windows(encoder.device)
    started = clock()

    async def timed(windows: int, wave: FloatArray) -> float:
        def measure() -> float:
            before = clock()
            encoder.encode([wave] * windows)
            return clock() - before

        return await run(measure)

    async def best_of(windows: int) -> float:
        seconds = spent = await timed(windows, noise)
        for _ in range(_REPEATS - 1):
            if spent + seconds > limit / 8:
                break
            again = await timed(windows, noise)
            spent += again
            seconds = min(seconds, again)
        return seconds

    compute: dict[int, float] = {}
    windows = 1
    out_of_memory = False
    try:
        # The first call pays for lazy initialisation; a short one is enough for that.
        await timed(1, noise[: round(_FIRST_CALL_SECONDS * options.sample_rate)])
        while windows <= max_windows:
            compute[windows] = seconds = await best_of(windows)
            doubled = compute.get(windows // 2)
            if doubled and 2 * doubled < (1 + _TOLERANCE) * seconds:
                break
            if clock() - started + 2 * seconds > limit:
                break
            windows *= 2
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if not compute:
            raise ConfigurationError(
                f"One window of {options.window_seconds:g} s does not fit into the memory of "
                f"{encoder.device}; set NORDLYD_WINDOW_SECONDS lower or use a smaller model.",
                param="window_seconds",
            ) from error
        out_of_memory = True
    if out_of_memory:
        release_memory()
    chosen = choose_windows(
        {count: count / max(seconds, 1e-9) for count, seconds in compute.items()}
    )
    budget = options.batch_seconds or chosen * options.window_seconds
    _log.info(
        "warm-up done",
        device=encoder.device,
        batch_seconds=budget,
        measured={count: round(seconds, 4) for count, seconds in compute.items()},
    )
    return WarmUp(
        budget_samples=round(budget * options.sample_rate),
        audio_seconds=chosen * options.window_seconds,
        compute_seconds=compute[chosen],
    )
