"""Encoders that fail on a window: only its own request fails, and memory is found by halving."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from engine_parts import (
    RATE,
    FrameEncoder,
    Gate,
    constant,
    engine_with,
    fails_above,
    frame_features,
    noise,
    request_of,
    run,
    until,
)

from app.engine import Engine
from app.engine.types import FloatArray
from app.errors import AudioError, EncodingError

pytestmark = pytest.mark.long

POISON = 666.0


class OutOfMemoryError(RuntimeError):
    """What torch.OutOfMemoryError looks like from outside."""


def fails_on_poison(windows: Sequence[FloatArray]) -> None:
    if any(wave[-1] == POISON for wave in windows):
        raise ValueError("NaN in the attention\nof layer 7")


async def held_back(engine: Engine, encoder: FrameEncoder, requests, before):
    """Queues all requests behind one that holds the device; then runs with that hook."""
    encoder.before = gate = Gate()
    blocker = asyncio.create_task(engine.encode(request_of(constant(0, 1))))
    await until(gate.entered.is_set)
    tasks = [asyncio.create_task(engine.encode(request)) for request in requests]
    await until(lambda: engine.status().queued_windows >= len(requests))
    encoder.before = before
    encoder.calls.clear()
    gate.open()
    await blocker
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_failing_batch_fails_only_the_request_of_the_window_at_fault():
    async def test():
        encoder = FrameEncoder()
        waves = [noise(seed, 10) for seed in range(8)]
        waves[5][-1] = POISON
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            answers = await held_back(
                engine, encoder, [request_of(wave) for wave in waves], fails_on_poison
            )
            assert not engine.status().fault
            assert engine.status().queue_audio_seconds == 0
        assert len(encoder.calls[0]) == 8
        error = answers.pop(5)
        assert isinstance(error, EncodingError)
        assert "from 0.0 s to 10.0 s" in error.message
        assert "NaN in the attention" in error.message
        del waves[5]
        for wave, answer in zip(waves, answers, strict=True):
            np.testing.assert_array_equal(answer.emissions, frame_features(wave))

    run(test())


def test_failed_window_names_its_place_and_stops_the_rest_of_its_recording():
    async def test():
        def fails_on_any_poison(windows):
            if any((wave == POISON).any() for wave in windows):
                raise ValueError("bad")

        encoder = FrameEncoder()
        wave = constant(1, 200)
        wave[45 * RATE : 46 * RATE] = POISON
        async with engine_with(encoder) as engine:
            encoder.before = fails_on_any_poison
            with pytest.raises(
                EncodingError, match=r"from [34]\d\.\d s to [45]\d\.\d s: ValueError: bad"
            ):
                await engine.encode(request_of(wave))
            failed_after = len(encoder.calls)
            assert failed_after < 5
            await engine.encode(request_of(constant(2, 3)))
            assert encoder.calls[failed_after:] == [[2.0]]

    run(test())


def test_error_of_the_service_raised_by_an_encoder_reaches_its_request_unchanged():
    async def test():
        def non_finite(windows):
            if any(wave[-1] == POISON for wave in windows):
                raise EncodingError("The model gave values that are not finite.")

        encoder = FrameEncoder()
        bad, good = noise(1, 10), noise(2, 10)
        bad[-1] = POISON
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            answers = await held_back(
                engine, encoder, [request_of(bad), request_of(good)], non_finite
            )
        assert str(answers[0]) == "The model gave values that are not finite."
        np.testing.assert_array_equal(answers[1].emissions, frame_features(good))

    run(test())


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(AudioError("The recording is gone."), AudioError), (OSError("gone"), EncodingError)],
)
def test_samples_that_cannot_be_fetched_fail_only_their_request(raised, expected):
    async def test():
        def fetch(span):
            raise raised

        encoder = FrameEncoder()
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            bad, good = await held_back(
                engine,
                encoder,
                [request_of(noise(1, 10), fetch=fetch), request_of(noise(2, 10))],
                None,
            )
        assert isinstance(bad, expected)
        assert "gone" in str(bad)
        np.testing.assert_array_equal(good.emissions, frame_features(noise(2, 10)))

    run(test())


def test_window_callback_that_raises_fails_only_its_request():
    async def test():
        def broken(index, kept):
            raise ZeroDivisionError("in the callback")

        async with engine_with(FrameEncoder()) as engine:
            other = asyncio.create_task(engine.encode(request_of(noise(2, 50))))
            with pytest.raises(ZeroDivisionError):
                await engine.encode(request_of(noise(1, 50)), on_window=broken)
            np.testing.assert_array_equal((await other).emissions, frame_features(noise(2, 50)))
            assert engine.status().queue_audio_seconds == 0

    run(test())


def test_encoder_that_returns_too_few_results_fails_the_requests():
    class LossyAfterWarmUp(FrameEncoder):
        lossy = False

        def encode(self, windows):
            results = super().encode(windows)
            return results[1:] if self.lossy else results

    async def test():
        encoder = LossyAfterWarmUp()
        async with engine_with(encoder) as engine:
            encoder.lossy = True
            with pytest.raises(EncodingError, match="0 results for 1 windows"):
                await engine.encode(request_of(noise(0, 3)))

    run(test())


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
        MemoryError("Unable to allocate 1 GiB"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_halves_the_batch_and_every_request_is_answered(error):
    async def test():
        encoder = FrameEncoder()
        waves = [noise(seed, 10) for seed in range(8)]
        async with engine_with(encoder, batch_seconds=80.0, recovery_batches=3) as engine:
            answers = await held_back(
                engine, encoder, [request_of(wave) for wave in waves], fails_above(25, error)
            )
            for wave, answer in zip(waves, answers, strict=True):
                np.testing.assert_array_equal(answer.emissions, frame_features(wave))
            assert engine.status().batch_seconds["m"] <= 25
            assert not engine.status().fault
            # With the memory back, the budget grows again, step by step up to where it was.
            encoder.before = None
            budgets = []
            for _ in range(40):
                await engine.encode(request_of(constant(1, 1)))
                budgets.append(engine.status().batch_seconds["m"])
            assert budgets[-1] == 80.0
            assert budgets == sorted(budgets)
            assert len(set(budgets)) > 4

    run(test())


def test_window_too_large_for_the_memory_fails_only_its_own_request():
    async def test():
        encoder = FrameEncoder()
        error = OutOfMemoryError("CUDA out of memory")
        async with engine_with(encoder, batch_seconds=80.0) as engine:
            large, small = await held_back(
                engine,
                encoder,
                [request_of(noise(1, 18)), request_of(noise(2, 17))],
                fails_above(17.5, error),
            )
        assert isinstance(large, EncodingError)
        assert "out of memory" in large.message
        np.testing.assert_array_equal(small.emissions, frame_features(noise(2, 17)))

    run(test())
