"""Encoding a recording group by group: the emissions are those of one pass, and none is lost."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from in_process import InProcess, ScriptedModel, in_process
from sounds import tones

from app.audio import AudioLimits, Recording
from app.pipeline import DecodedRequest, HalfPrecision, PipelineOptions, groups
from app.pipeline.encoding import EncodedRecording, RecordingEncoder

SECONDS = 60.0


class LoudnessModel(ScriptedModel):
    """Its emissions depend on what it is given; counts its windows."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = 0

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        if len(windows[0]) > self.receptive_field and np.any(windows[0]):
            self.windows += len(windows)
        return [self._emissions(window) for window in windows]

    def _emissions(self, window: np.ndarray) -> np.ndarray:
        frames = self.frames(len(window))
        loudness = np.abs(window[: frames * self.hop].reshape(frames, self.hop)).mean(axis=1)
        scores = np.stack([10 * loudness, 5 - 20 * loudness, 30 * loudness], axis=1)
        return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)


class Shelf:
    """Keeps emissions in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, HalfPrecision] = {}
        self.duration = 0.0

    def begin(self, duration: float) -> None:
        self.duration = duration

    async def load(self, name: str) -> HalfPrecision | None:
        return self.kept.get(name)

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        assert name not in self.kept
        self.kept[name] = emissions


async def encode(
    running: InProcess, shelf: Shelf | None, *, window_seconds: float = 5.0
) -> tuple[EncodedRecording, list[tuple[int, int]]]:
    """Encodes a minute of sound; returns the calls of its progress too."""
    transcriber = running.service.transcriber
    options = PipelineOptions(AudioLimits(3600), window_seconds, 1.3, decode_workers=1)
    encoder = RecordingEncoder(running.recognition.engine, options)
    route = transcriber.route()
    calls: list[tuple[int, int]] = []
    encoded = await encoder.encode_request(
        DecodedRequest(Recording.from_samples(tones(0, SECONDS)), "job", route),
        running.recognition.loaded(route),
        progress=lambda done, windows: calls.append((done, windows)),
        kept=shelf,
    )
    return encoded, calls


@pytest.fixture(autouse=True)
def short_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of ten seconds, so that a minute has several."""
    monkeypatch.setattr(groups, "GROUP_SECONDS", 10.0)


def test_groups_give_the_emissions_of_one_pass_in_half_precision() -> None:
    async def run() -> None:
        async with in_process(model=LoudnessModel()) as running:
            await running.until("ready")
            shelf = Shelf()
            whole, _ = await encode(running, None)
            grouped, calls = await encode(running, shelf)
            assert len(shelf.kept) > 4
            assert shelf.duration == SECONDS
            rounded = whole.emissions.astype(np.float16).astype(np.float32)
            np.testing.assert_array_equal(grouped.emissions, rounded)
            assert calls[-1][0] == calls[-1][1]
            assert calls == sorted(calls)

    asyncio.run(run())


def test_kept_groups_are_not_encoded_again() -> None:
    async def run() -> None:
        model = LoudnessModel()
        async with in_process(model=model) as running:
            await running.until("ready")
            shelf = Shelf()
            first, calls = await encode(running, shelf)
            lost = sorted(shelf.kept)[2]
            del shelf.kept[lost]
            model.windows = 0
            again, _ = await encode(running, shelf)
            np.testing.assert_array_equal(again.emissions, first.emissions)
            assert 0 < model.windows <= calls[-1][1] // 3
            assert lost in shelf.kept

    asyncio.run(run())


def test_groups_of_other_windows_are_not_joined() -> None:
    async def run() -> None:
        async with in_process(model=LoudnessModel()) as running:
            await running.until("ready")
            shelf = Shelf()
            await encode(running, shelf)
            before = set(shelf.kept)
            changed, _ = await encode(running, shelf, window_seconds=6.0)
            assert before < set(shelf.kept)
            whole, _ = await encode(running, None, window_seconds=6.0)
            rounded = whole.emissions.astype(np.float16).astype(np.float32)
            np.testing.assert_array_equal(changed.emissions, rounded)

    asyncio.run(run())
