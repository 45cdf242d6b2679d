"""The queue of jobs, on DBOS: what is in it is worked on once, also after the process was killed.

DBOS has one instance in a process, with threads and an event loop of its own, so that it does not
change how the service's loop runs its threads. A workflow of DBOS has one argument, the job's id,
and runs the job on the service's loop.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from app.database import Database
from app.errors import JobsUnavailableError

if TYPE_CHECKING:
    from dbos import DBOS, DBOSConfig

QUEUE = "jobs"
WORKFLOW = "job"
JOBS_AT_ONCE = 4
"""Jobs that one process works on at once."""
JOBS_OF_OWNER = 2
"""How many of these may be of one owner."""

# A new release continues the jobs of the one before: a workflow has no steps whose order could
# have changed.
_VERSION = "1"
_NO_OWNER = "alone"
_POLL_SECONDS = 0.2
_THREADS = 8
# DBOS's name for the thread that takes a queue's jobs.
_DBOS_WORKER = "queue-worker-"
_STOP_SECONDS = 5.0

_log = structlog.get_logger("nordlyd.jobs")
_in_process = threading.Lock()


class DurableQueue:
    """Queues jobs and runs each until it returns.

    Args:
        database: has the queue.
        run: works on the job of an id for an executor, on the event loop that `start` was called
            on. A call that was cancelled, or whose process ended, is made again.
    """

    def __init__(self, database: Database, run: Callable[[str, str], Awaitable[None]]) -> None:
        self._database = database
        self._run = run
        self._workflow: Callable[[str], Awaitable[None]] | None = None
        self._dbos: DBOS | None = None

    @property
    def started(self) -> bool:
        """Whether jobs are taken from the queue."""
        return self._workflow is not None

    async def start(self, executor: str) -> None:
        """Takes jobs from the queue from now on, beginning with those that were interrupted.

        Args:
            executor: as what this process takes them; what another process has begun under the
                same name is made again.

        Raises:
            JobsUnavailableError: the database cannot be reached, or another queue runs in this
                process.
        """
        loop = asyncio.get_running_loop()
        self._workflow = await asyncio.to_thread(self._launch, loop, executor)

    async def add(self, job_id: str, owner: str) -> None:
        """Queues a job; one that is in the queue already stays as it is.

        Raises:
            JobsUnavailableError: the queue has not started, or its database cannot be reached.
        """
        await asyncio.to_thread(self._add, job_id, owner)

    async def remove(self, job_id: str) -> None:
        """Removes a job and everything the queue has of it; its call is not made again."""
        await asyncio.to_thread(self._remove, job_id)

    async def take_over(self, executors: Sequence[str]) -> None:
        """Makes the calls again that processes that were lost had begun."""
        await asyncio.to_thread(self._take_over, executors)

    async def stop(self) -> None:
        """Cancels the calls that run, which are made again after the next start."""
        if self._workflow is None:
            return
        self._workflow = None
        stopped = threading.Event()

        def destroy() -> None:
            from dbos import DBOS  # noqa: PLC0415

            try:
                self._stop_taking()
                DBOS.destroy(destroy_registry=True)
            finally:
                _in_process.release()
                stopped.set()

        # A thread that the process does not wait for: without its database, DBOS waits for long.
        threading.Thread(target=destroy, name="nordlyd-jobs-stop", daemon=True).start()
        if not await asyncio.to_thread(stopped.wait, _STOP_SECONDS):
            _log.warning("the queue of jobs did not stop in time")

    def _launch(
        self, loop: asyncio.AbstractEventLoop, executor: str
    ) -> Callable[[str], Awaitable[None]]:
        if not _in_process.acquire(blocking=False):
            raise JobsUnavailableError("Another service of this process has jobs.")
        try:
            return self._launch_alone(loop, executor)
        except BaseException:
            from dbos import DBOS  # noqa: PLC0415

            DBOS.destroy(destroy_registry=True)
            _in_process.release()
            raise

    def _launch_alone(
        self, loop: asyncio.AbstractEventLoop, executor: str
    ) -> Callable[[str], Awaitable[None]]:
        _prepare_logger()
        from dbos import DBOS  # noqa: PLC0415

        self._dbos = DBOS(config=self._config(executor))

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        async def work(job_id: str) -> None:
            call = asyncio.run_coroutine_threadsafe(
                _as_coroutine(self._run, job_id, executor), loop
            )
            await asyncio.wrap_future(call)

        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=JOBS_AT_ONCE,
            partition_worker_concurrency=JOBS_OF_OWNER,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )
        return work

    def _config(self, executor: str) -> "DBOSConfig":
        engine = self._database.open()
        return {
            "name": "nordlyd",
            "system_database_url": engine.url.render_as_string(hide_password=False),
            "system_database_engine": engine,
            "application_version": _VERSION,
            "executor_id": executor,
            "use_listen_notify": False,
            "max_executor_threads": _THREADS,
            "scheduler_polling_interval_sec": 3600.0,
            "log_level": "WARNING",
        }

    def _stop_taking(self) -> None:
        """Waits until DBOS takes no more jobs: one taken while its event loop stops is not begun.

        Without this, DBOS could claim a job and then fail to start it, or wait ten seconds for an
        event loop that has ended.
        """
        if self._dbos is None:
            return
        for event in self._dbos.background_thread_stop_events:
            event.set()
        for thread in threading.enumerate():
            if thread.name.startswith(_DBOS_WORKER):
                thread.join(_STOP_SECONDS)
        self._dbos = None

    def _add(self, job_id: str, owner: str) -> None:
        from dbos import DBOS, SetEnqueueOptions, SetWorkflowID  # noqa: PLC0415

        if self._workflow is None:
            raise JobsUnavailableError("The queue of jobs has not started.")
        # An owner is a partition of the queue: DBOS takes from them in random order.
        with SetWorkflowID(job_id), SetEnqueueOptions(queue_partition_key=owner or _NO_OWNER):
            DBOS.enqueue_workflow(QUEUE, self._workflow, job_id)

    def _remove(self, job_id: str) -> None:
        from dbos import DBOS  # noqa: PLC0415

        DBOS.cancel_workflow(job_id)
        DBOS.delete_workflow(job_id)

    def _take_over(self, executors: Sequence[str]) -> None:
        from dbos import DBOS  # noqa: PLC0415

        DBOS._recover_pending_workflows(list(executors))


def _prepare_logger() -> None:
    """Lets DBOS log as everything else does."""
    logger = logging.getLogger("dbos")
    # Without a handler, DBOS would add one that writes beside ours.
    logger.addHandler(logging.NullHandler())
    logger.addFilter(_is_relevant)


def _is_relevant(record: logging.LogRecord) -> bool:
    """Returns False for what DBOS logs of a call that was cancelled, or whose job was erased."""
    from dbos._error import (  # noqa: PLC0415
        DBOSAwaitedWorkflowCancelledError,
        DBOSNonExistentWorkflowError,
    )

    raised = None if record.exc_info is None else record.exc_info[1]
    # The former where a job is cancelled while a worker begins it.
    if isinstance(raised, DBOSAwaitedWorkflowCancelledError | DBOSNonExistentWorkflowError):
        return False
    return not record.getMessage().startswith("Asyncio task cancelled")


async def _as_coroutine(
    run: Callable[[str, str], Awaitable[None]], job_id: str, executor: str
) -> None:
    await run(job_id, executor)
