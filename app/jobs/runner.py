"""Which jobs this process works on; stops the work on them."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.jobs.work_records import ExecutorLostError

_STOP_SECONDS = 2.0

_log = structlog.get_logger("nordlyd.jobs")


class JobRunner:
    """Works on jobs.

    Args:
        work: works on the job of an id, as an executor, until it has ended.
    """

    def __init__(self, work: Callable[[str, str], Awaitable[None]]) -> None:
        self._work = work
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the jobs that are worked on."""
        return tuple(self._running)

    async def run(self, job_id: str, executor: str) -> None:
        """Works on a job until it has ended; returns at once where it has.

        Cancelling the awaiting task stops the work after the batch that runs, and leaves the job
        as it is.

        Args:
            job_id: the job.
            executor: as what this process works on it.
        """
        task = asyncio.current_task()
        assert task is not None
        if before := self._running.get(job_id):
            await asyncio.wait({before})
        self._running[job_id] = task
        try:
            await self._work(job_id, executor)
        except ExecutorLostError:
            _log.warning("others continue a job: this process was taken for lost", job=job_id)
            # Until the work is stopped: a call that returns would not be made again.
            await asyncio.Event().wait()
        finally:
            if self._running[job_id] is task:
                del self._running[job_id]

    async def cancel(self, job_id: str) -> None:
        """Stops the work on a job, if it is worked on in this process, and waits for its end."""
        task = self._running.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def stop(self) -> None:
        """Stops the work on every job, and waits for its end, but not for long."""
        tasks = set(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
