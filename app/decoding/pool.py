"""Runs decoding jobs beside the event loop and the device, on all cores.

Threads that compute by turns where the search lets go of the interpreter's lock, processes where it
does not. A process that dies is replaced, and what it was doing is done again.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakSet

import structlog

from app.deadlines import run_until_deadline
from app.decoding.backends import BackendName, available_backends
from app.decoding.turns import Slots, Turn
from app.errors import NordlydError

MAX_JOBS = 64

_P = ParamSpec("_P")
_T = TypeVar("_T")
_ATTEMPTS = 3
_DOING = "its text was being decoded"
_log = structlog.get_logger("nordlyd.decoding")


def needs_processes(backend: BackendName) -> bool:
    """Whether this backend holds the GIL while it searches."""
    if backend == "auto":
        return available_backends()[:1] == ("pyctcdecode",)
    return backend == "pyctcdecode"


class DecodingPool:
    """Runs jobs on several cores.

    Processes are started by `spawn`: they share nothing with this one, neither an accelerator
    nor a lock that another thread held.

    Args:
        workers: how many jobs compute at once.
        processes: whether jobs run in processes; they and their results must then be picklable.
        jobs: how many jobs share the workers by turns, where they are threads; more wait until one
            of these has ended.
    """

    def __init__(self, workers: int, *, processes: bool, jobs: int = MAX_JOBS) -> None:
        self._workers = workers
        self._processes = processes
        self._jobs = max(jobs, workers)
        self._slots = Slots(workers)
        self._turns: WeakSet[Turn] = WeakSet()
        self._closed = False
        self._executor = self._start()

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a job and return its result, or raise what it raises. As `run_before`."""
        return await self.run_before(None, function, *args, **kwargs)

    async def run_before(
        self,
        deadline: float | None,
        function: Callable[_P, _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run a job and return its result, or raise what it raises.

        Cancelling the awaiting task ends the job at its next poll (`app.decoding.turns`); in a
        process it ends by itself.

        Args:
            deadline: instant of `time.monotonic` after which no answer is wanted.
            function: the job, with its arguments after it.
            args: of the job.
            kwargs: of the job.

        Raises:
            DeadlineExceededError: the deadline passed.
            NordlydError: the job killed every process it was given to.
        """
        job = partial(function, *args, **kwargs)
        if self._processes:
            return await run_until_deadline(
                deadline, self._in_process(partial(_run, deadline, job)), _DOING
            )
        turn = Turn(self._slots, deadline)
        self._turns.add(turn)
        loop = asyncio.get_running_loop()
        try:
            return await run_until_deadline(
                deadline, loop.run_in_executor(self._executor, turn.run, job), _DOING
            )
        finally:
            turn.stop()

    def close(self) -> None:
        """End the workers and what they do; what still waits for one is dropped."""
        self._closed = True
        for turn in list(self._turns):
            turn.stop()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _in_process(self, job: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        for _ in range(_ATTEMPTS):
            executor = self._executor
            try:
                return await loop.run_in_executor(executor, job)
            except BrokenProcessPool:
                _log.warning("a decoding process died; its work is done again")
                # All jobs of the pool fail at once; only the first of them replaces it.
                if self._executor is executor and not self._closed:
                    executor.shutdown(wait=False)
                    self._executor = self._start()
        raise NordlydError(f"The decoder's process died {_ATTEMPTS} times on this audio.")

    def _start(self) -> Executor:
        if self._processes:
            spawn = multiprocessing.get_context("spawn")
            return ProcessPoolExecutor(self._workers, mp_context=spawn)
        return ThreadPoolExecutor(self._jobs, "nordlyd-text")


def _run(deadline: float | None, job: Callable[[], _T]) -> _T:
    """In a process: `time.monotonic` is one clock for all of a machine's."""
    return Turn(deadline=deadline).run(job)
