"""Runs decoding jobs off the event loop, on all cores.

The jobs run in threads where the search releases the GIL, and in processes where it does not. A
process that dies is replaced, and its job is run again.
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
from app.decoding.scheduling import Job, Slots
from app.errors import NordlydError, UnavailableError

MAX_JOBS = 64

_P = ParamSpec("_P")
_T = TypeVar("_T")
_ATTEMPTS = 3
_DOING = "its text was being decoded"
_log = structlog.get_logger("nordlyd.decoding")


def needs_processes(backend: BackendName) -> bool:
    """Returns whether this backend holds the GIL while it searches."""
    if backend == "auto":
        return available_backends()[:1] == ("pyctcdecode",)
    return backend == "pyctcdecode"


class DecodingPool:
    """Runs jobs on several cores.

    Jobs in the background have threads or processes of their own, so that they keep no other job
    from starting; threads share the cores by `Slots`, processes by the operating system.

    Processes are started by `spawn`, so that they inherit neither an accelerator nor a lock that
    another thread holds.

    Args:
        workers: how many jobs compute at once.
        processes: whether jobs run in processes; they and their results must then be picklable.
        jobs: how many jobs share the worker threads in time slices; further ones wait until one
            of these has ended.
    """

    def __init__(self, workers: int, *, processes: bool, jobs: int = MAX_JOBS) -> None:
        self._workers = workers
        self._processes = processes
        self._jobs = max(jobs, workers)
        self._slots = Slots(workers)
        self._running: WeakSet[Job] = WeakSet()
        self._closed = False
        self._interactive = _Lane(self._start)
        self._background = _Lane(self._start)

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Runs a job as `run_before`, without a deadline."""
        return await self.run_before(None, function, *args, **kwargs)

    async def run_before(
        self,
        deadline: float | None,
        function: Callable[_P, _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Runs a job and returns its result, or raises what it raises.

        Cancelling the awaiting task ends the job at its next poll (`app.decoding.scheduling`); in a
        process a job runs to its end.

        Args:
            deadline: instant of `time.monotonic` after which the result is of no use.
            function: the job, with its arguments after it.
            args: of the job.
            kwargs: of the job.

        Raises:
            DeadlineExceededError: the deadline passed.
            NordlydError: the process of the job died, at every attempt.
        """
        call = partial(function, *args, **kwargs)
        return await self._run_in(self._interactive, call, deadline)

    async def run_in_background(
        self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Runs a job as `run`, on cores that no other job waits for."""
        return await self._run_in(self._background, partial(function, *args, **kwargs), None)

    def close(self) -> None:
        """Stops all jobs; those still queued are cancelled."""
        self._closed = True
        for job in list(self._running):
            job.stop()
        for lane in (self._interactive, self._background):
            lane.close()

    async def _run_in(self, lane: "_Lane", call: Callable[[], _T], deadline: float | None) -> _T:
        if self._closed:
            raise UnavailableError("The service has stopped.", code="draining")
        if self._processes:
            return await run_until_deadline(
                deadline, self._in_process(lane, partial(_run, deadline, call)), _DOING
            )
        job = Job(self._slots, deadline, background=lane is self._background)
        self._running.add(job)
        loop = asyncio.get_running_loop()
        try:
            return await run_until_deadline(
                deadline, loop.run_in_executor(lane.executor, job.run, call), _DOING
            )
        finally:
            job.stop()

    async def _in_process(self, lane: "_Lane", call: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        for _ in range(_ATTEMPTS):
            executor = lane.executor
            try:
                return await loop.run_in_executor(executor, call)
            except BrokenProcessPool:
                _log.warning("a decoding process died; its work is done again")
                if not self._closed:
                    lane.replace(executor)
        raise NordlydError(f"The decoder's process died {_ATTEMPTS} times on this audio.")

    def _start(self) -> Executor:
        if self._processes:
            spawn = multiprocessing.get_context("spawn")
            return ProcessPoolExecutor(self._workers, mp_context=spawn)
        return ThreadPoolExecutor(self._jobs, "nordlyd-text")


class _Lane:
    """The executor of one kind of jobs, which is started by the first of them.

    Args:
        start: returns a new executor.
    """

    def __init__(self, start: Callable[[], Executor]) -> None:
        self._start = start
        self._executor: Executor | None = None

    @property
    def executor(self) -> Executor:
        if self._executor is None:
            self._executor = self._start()
        return self._executor

    def replace(self, broken: Executor) -> None:
        """Starts another executor; all jobs of one fail at once, and the first replaces it."""
        if self._executor is broken:
            broken.shutdown(wait=False)
            self._executor = None

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)


def _run(deadline: float | None, call: Callable[[], _T]) -> _T:
    """Runs in a worker process; `time.monotonic` is one clock for all processes of a machine."""
    return Job(deadline=deadline).run(call)
