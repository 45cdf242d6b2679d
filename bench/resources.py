"""What a service and its worker processes hold: memory, file descriptors, threads; and files."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_STEADY_SAMPLES = 4
_SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes hold.

    Attributes:
        processes: how many there are.
        rss_mib: resident memory; what processes share counts for each.
        descriptors: open files and sockets.
        threads: of all kinds.
    """

    processes: int
    rss_mib: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, processes: Iterable[psutil.Process]) -> "Usage":
        """Adds up what processes hold; one that has ended meanwhile does not count."""
        count, rss, descriptors, threads = 0, 0, 0, 0
        for process in processes:
            try:
                with process.oneshot():
                    held = process.memory_info().rss, process.num_fds(), process.num_threads()
            except psutil.Error:
                continue
            count += 1
            rss, descriptors, threads = rss + held[0], descriptors + held[1], threads + held[2]
        return cls(count, round(rss / 2**20, 1), descriptors, threads)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a service holds.

    Attributes:
        server: its own process.
        workers: all processes below it.
    """

    server: Usage
    workers: Usage


def resources(pid: int) -> Resources:
    """What a service holds now.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    process = psutil.Process(pid)
    return Resources(Usage.of([process]), Usage.of(process.children(recursive=True)))


async def settled(pid: int, *, longest: float) -> Resources:
    """What a service holds once descriptors and threads stay as they are, or after a time.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    steady = 0
    now = resources(pid)
    for _ in range(round(longest / _SAMPLE_SECONDS)):
        before, now = now, resources(pid)
        steady = steady + 1 if _counts(before) == _counts(now) else 0
        if steady == _STEADY_SAMPLES:
            break
        await asyncio.sleep(_SAMPLE_SECONDS)
    return now


def _counts(held: Resources) -> tuple[int, ...]:
    server, workers = held.server, held.workers
    return server.descriptors, server.threads, workers.descriptors, workers.threads


def files_below(folder: Path, *, but: Iterable[str] = ()) -> list[str]:
    """The files below a folder, as paths in it, except those of these names at its top."""
    left = set(but)
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_dir() and str(path.relative_to(folder)) not in left
    )
