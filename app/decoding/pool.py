"""Jobs in, their results out: decoding beside the event loop and the device, on all cores.

Threads where the search lets go of the GIL, processes where it does not. A process that dies is
replaced, and what it was doing is done again.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from app.decoding.backends import BackendName, available_backends
from app.errors import NordlydError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_ATTEMPTS = 3
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
        workers: threads or processes.
        processes: whether jobs run in processes; they and their results must then be picklable.
    """

    def __init__(self, workers: int, *, processes: bool) -> None:
        self._workers = workers
        self._processes = processes
        self._closed = False
        self._executor = self._start()

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a job and return its result, or raise what it raises.

        Raises:
            NordlydError: the job killed every process it was given to.
        """
        job = partial(function, *args, **kwargs)
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

    def close(self) -> None:
        """End the workers; what still waits for one is dropped."""
        self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> Executor:
        if self._processes:
            spawn = multiprocessing.get_context("spawn")
            return ProcessPoolExecutor(self._workers, mp_context=spawn)
        return ThreadPoolExecutor(self._workers, "nordlyd-text")
