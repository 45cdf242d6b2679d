"""All candidates over one input, in turns."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from bench.peers.candidate import Candidate, Dropped, Spec

# How long threads of a pool may spin after their last work, with a margin.
_SETTLE_SECONDS = 0.2

Notify = Callable[[str], None]


class Comparison:
    """Candidates that are loaded, and why others are not there.

    Args:
        notify: called with one line for each candidate that is dropped.
        deadline: of `time.monotonic`; no call may last beyond it.
    """

    def __init__(self, notify: Notify, *, deadline: float) -> None:
        self._notify = notify
        self._deadline = deadline
        self.candidates: dict[str, Candidate] = {}
        self.dropped: dict[str, str] = {}

    def __enter__(self) -> "Comparison":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for candidate in self.candidates.values():
            candidate.close()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - time.monotonic()

    def add(self, name: str, spec: Spec, *, limit: float = 120.0) -> bool:
        """Loads a candidate; False where it was dropped."""
        try:
            self.candidates[name] = Candidate(name, spec, limit=min(limit, max(self.left, 1.0)))
        except Dropped as reason:
            self.drop(name, str(reason))
            return False
        return True

    def drop(self, name: str, reason: str) -> None:
        """Ends a candidate and reports the reason."""
        candidate = self.candidates.pop(name, None)
        if candidate is not None:
            candidate.close()
        self.dropped[name] = reason
        self._notify(f"{name} is left out: {reason}")

    def once(
        self, name: str, lengths: Sequence[int], *, limit: float, keep: Path | None = None
    ) -> dict[str, float] | None:
        """One run of one candidate; None where it was dropped for it."""
        try:
            return self.candidates[name].run(
                lengths, limit=min(limit, max(self.left, 1.0)), keep=keep
            )
        except Dropped as reason:
            self.drop(name, str(reason))
            return None

    def interleaved(
        self, lengths: Sequence[int], *, rounds: int, limit: float
    ) -> tuple[dict[str, list[float]], dict[str, float]]:
        """Seconds of each in each round, and the most memory each held on a GPU, in MB.

        What else the machine does falls on all alike. There are fewer rounds where the next
        one would end after the deadline, but one at least.

        Args:
            lengths: samples of each waveform of the batch.
            rounds: how often each computes at most.
            limit: seconds after which a candidate is dropped.
        """
        seconds: dict[str, list[float]] = {name: [] for name in self.candidates}
        peaks: dict[str, float] = {}
        longest = 0.0
        for index in range(rounds):
            start = time.monotonic()
            if index and self.left < longest:
                self._notify(f"{index} rounds of {rounds}: the time is up")
                break
            for name in list(self.candidates):
                time.sleep(_SETTLE_SECONDS)
                answer = self.once(name, lengths, limit=limit)
                if answer is None:
                    del seconds[name]
                    continue
                seconds[name].append(answer["seconds"])
                if "peak_mb" in answer:
                    peaks[name] = max(answer["peak_mb"], peaks.get(name, 0.0))
            longest = max(longest, time.monotonic() - start)
        return seconds, peaks


def difference(one: Path, other: Path) -> float | None:
    """Mean distance of two candidates' log-probabilities of one waveform; None if shapes differ."""
    first: npt.NDArray[np.float32] = np.load(one)
    second: npt.NDArray[np.float32] = np.load(other)
    return float(np.abs(first - second).mean()) if first.shape == second.shape else None
