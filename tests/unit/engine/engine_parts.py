"""Inputs for the engine's tests: encoders whose answers can be computed by hand, and clocks."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from app.audio import Window, plan_windows
from app.engine import Encoder, EncodeRequest, Engine, EngineOptions
from app.engine.types import FloatArray
from app.telemetry import Telemetry

HOP = 320
RECEPTIVE_FIELD = 400
RATE = 16_000
T = TypeVar("T")


class FakeClock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def frame_features(wave: FloatArray) -> FloatArray:
    """Three numbers of each frame's own samples alone, float32 [frames, 3]."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, RECEPTIVE_FIELD)[::HOP]
    return np.stack([frames[:, 0], frames.max(axis=1), frames.min(axis=1)], axis=1)


@dataclass
class FrameEncoder:
    """An encoder whose every frame depends on that frame's samples only.

    `before` runs at the start of each call, on the device thread: it may raise, wait, or
    record. `calls` holds the first sample of each window of each call, by which tests
    distinguish requests.
    """

    device: str = "cpu"
    before: Callable[[Sequence[FloatArray]], None] | None = None
    calls: list[list[float]] = field(default_factory=list)
    dtype: str = "float32"
    kernels: str = "torch"
    hop: int = HOP
    receptive_field: int = RECEPTIVE_FIELD

    def frames(self, samples: int) -> int:
        return max(0, (samples - RECEPTIVE_FIELD) // HOP + 1)

    def encode(self, windows: Sequence[FloatArray]) -> list[FloatArray]:
        self.calls.append([float(wave[0]) for wave in windows])
        if self.before is not None:
            self.before(windows)
        return [frame_features(wave) for wave in windows]


class Gate:
    """Holds the device thread inside a call until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, windows: Sequence[FloatArray]) -> None:
        self.entered.set()
        assert self._open.wait(20), "the test never opened the gate"

    def open(self) -> None:
        self._open.set()


def spans(samples: int, *, length: int = 20 * RATE, context: int = 25 * HOP) -> list[Window]:
    """The windows of a recording of so many samples."""
    return plan_windows(
        samples, window=length, context=context, hop=HOP, receptive_field=RECEPTIVE_FIELD
    )


def constant(value: float, seconds: float) -> FloatArray:
    return np.full(round(seconds * RATE), value, np.float32)


def noise(seed: int, seconds: float) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE), dtype=np.float32)


def request_of(wave: FloatArray, model: str = "m", **changes: Any) -> EncodeRequest[Window]:
    fields: dict[str, Any] = {
        "model": model,
        "windows": spans(len(wave)),
        "fetch": lambda span: wave[span.start : span.stop],
        "request_id": "test",
    }
    return EncodeRequest(**(fields | changes))


@asynccontextmanager
async def engine_with(
    *encoders: Encoder,
    clock: Callable[[], float] | None = None,
    telemetry: Telemetry | None = None,
    **options: Any,
) -> AsyncIterator[Engine]:
    """A started engine; the encoders are models m, m2, …; one window a batch by default."""
    chosen = EngineOptions(**({"batch_seconds": 20.0} | options))
    engine = Engine(chosen, telemetry or Telemetry(), **({"clock": clock} if clock else {}))
    models = {f"m{number}" if number > 1 else "m": e for number, e in enumerate(encoders, 1)}
    await engine.start(models)
    for encoder in encoders:
        if isinstance(encoder, FrameEncoder):
            encoder.calls.clear()  # those of the warm-up
    try:
        yield engine
    finally:
        engine.stop()


def fails_above(seconds: float, error: Exception) -> Callable[[Sequence[FloatArray]], None]:
    """A hook that raises the error for batches with more audio than that."""

    def check(windows: Sequence[FloatArray]) -> None:
        if sum(len(wave) for wave in windows) > seconds * RATE:
            raise error

    return check


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another thread brings about."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a thread cannot set an asyncio.Event
            await asyncio.sleep(0.002)


def run(test: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine; nothing in these tests may wait for longer than this."""
    return asyncio.run(asyncio.wait_for(test, 30))


def sample(telemetry: Telemetry, name: str, **labels: str) -> float:
    return telemetry.registry.get_sample_value(name, labels) or 0.0
