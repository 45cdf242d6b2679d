"""Finds who speaks when in decoded recordings, in a thread of its own.

The networks are loaded by the first recording that needs them. Recordings take turns after each
few windows, so that a long one does not hold up a short one.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from app.audio import Recording
from app.speakers.prints import embed_speech, sample_range, spans_alone
from app.speakers.types import DiarizationOptions, Embedding, Turn
from app.speakers.voices import AnalysedWindow, analyse_window
from app.speakers.weights import check_available
from app.speakers.windows import WINDOW, window_starts

if TYPE_CHECKING:
    from app.speakers.networks import Networks

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BATCH = 8
"""Windows that are computed at once."""


class Diarizer:
    """Tells the speakers of recordings apart.

    Args:
        folder: of the weights.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._networks: Networks | None = None
        self._executor = ThreadPoolExecutor(1, "nordlyd-speakers")

    def check(self) -> None:
        """Does nothing where speakers can be told apart; raises as `check_available`."""
        if self._networks is None:
            check_available(self._folder)

    async def diarize(self, recording: Recording, options: DiarizationOptions) -> tuple[Turn, ...]:
        """Returns who speaks when, in order of the turns' starts. Cancelling stops the work.

        Args:
            recording: stays open.
            options: how many speakers there may be.

        Raises:
            ConfigurationError: the weights are damaged.
            InvalidRequestError: as `check`.
        """
        self.check()
        if recording.is_silent:
            return ()
        starts = window_starts(recording.samples)
        windows: list[AnalysedWindow] = []
        for first in range(0, len(starts), _BATCH):
            windows += await self._run(self._analyse, recording, starts[first : first + _BATCH])
        return await self._run(_assemble, windows, recording.samples, options)

    async def voices(self, recording: Recording, turns: Sequence[Turn]) -> dict[int, Embedding]:
        """Returns the voices of the speakers, by their numbers, from what each says alone.

        Speakers who say nothing alone have none. Cancelling stops the work.

        Args:
            recording: stays open.
            turns: who speaks when in it.
        """
        found: dict[int, Embedding] = {}
        for speaker, spans in spans_alone(turns).items():
            voice = await self._run(self._voice_in, recording, spans)
            if voice is not None:
                found[speaker] = voice
        return found

    async def embed(self, samples: npt.NDArray[np.float32]) -> Embedding | None:
        """Returns the voice of the one who speaks in samples; None for less than 0.2 s.

        Args:
            samples: float32 [samples] at 16 kHz.

        Raises:
            ConfigurationError: the weights are damaged.
        """
        return await self._run(self._voice, (samples,))

    def close(self) -> None:
        """Ends the thread after the windows that are being computed."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(function, *args, **kwargs))

    def _analyse(self, recording: Recording, starts: range) -> list[AnalysedWindow]:
        networks = self._loaded()
        samples = np.zeros((len(starts), WINDOW), np.float32)
        sizes = []
        for row, start in zip(samples, starts, strict=True):
            stop = min(start + WINDOW, recording.samples)
            row[: stop - start] = recording.slice(start, stop)
            sizes.append(stop - start)
        activities = networks.segment(samples)
        return [
            analyse_window(row[:size], activity, networks.embed)
            for row, size, activity in zip(samples, sizes, activities, strict=True)
        ]

    def _voice_in(
        self, recording: Recording, spans: Sequence[tuple[float, float]]
    ) -> Embedding | None:
        ranges = (sample_range(span, recording.samples) for span in spans)
        return self._voice(recording.slice(start, stop) for start, stop in ranges)

    def _voice(self, pieces: Iterable[npt.NDArray[np.float32]]) -> Embedding | None:
        return embed_speech(pieces, self._loaded().embed)

    def _loaded(self) -> "Networks":
        if self._networks is None:
            from app.speakers.networks import Networks  # noqa: PLC0415 - imports torch

            self._networks = Networks.load(self._folder)
        return self._networks


def _assemble(
    windows: list[AnalysedWindow], samples: int, options: DiarizationOptions
) -> tuple[Turn, ...]:
    from app.speakers.assembly import assemble  # noqa: PLC0415 - imports scipy

    return assemble(windows, samples, options)
