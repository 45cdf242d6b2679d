"""Calls of the replicas of one model, which are repeated where a replica is lost."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any

import structlog
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from app.cluster.messages import Failure, ReplicaReport
from app.deadlines import run_until_deadline
from app.errors import UnavailableError

_ATTEMPTS = 3
_RETRY_SECONDS = 2.0
_CHECK_SECONDS = 1.0
_DOING = "a replica was working on it"

_log = structlog.get_logger("nordlyd.cluster")


LOST = "replica_lost"
"""Code of the error of a request whose replica has stopped."""


ELSEWHERE = frozenset({"draining", "hung", "failed", "loading", LOST})
"""Codes of the errors with which another replica may do what one could not."""


class ModelCalls:
    """Calls the replicas of one model.

    Args:
        model: its id, for messages.
        handle: of its replicas.
        seconds_alone: returns for how long there has been no replica.
        patience: seconds that a call waits for a replica where there is none.
    """

    def __init__(
        self,
        model: str,
        handle: DeploymentHandle,
        seconds_alone: Callable[[], float],
        patience: float,
    ) -> None:
        self._model = model
        self._handle = handle
        self._seconds_alone = seconds_alone
        self._patience = patience

    async def run(
        self, method: str, make_arguments: Callable[[], tuple[object, ...]], deadline: float | None
    ) -> object:
        """Returns what a method of any replica returns.

        Where a replica is lost, or refuses since it stops, the call is made again; so it must not
        matter whether the method was called before.

        Args:
            method: of `ModelReplica`.
            make_arguments: returns the arguments of an attempt.
            deadline: instant of `time.monotonic`.

        Raises:
            UnavailableError: every attempt lost its replica, or there is none.
            DeadlineExceededError: the deadline passed.
            NordlydError: as the method returned it.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await run_until_deadline(
                    deadline, self._attempt(method, make_arguments()), _DOING
                )
            except UnavailableError as error:
                if attempt == _ATTEMPTS or error.code not in ELSEWHERE:
                    raise
                _log.info("request is repeated", model=self._model, reason=error.message)
                await asyncio.sleep(0.05 * attempt)
        raise AssertionError

    async def pinned(
        self, replica: str, method: str, *arguments: object, **named: object
    ) -> object:
        """Returns what a method of one replica returns.

        Raises:
            UnavailableError: the replica has stopped.
            NordlydError: as the method returned it.
        """
        handle = self._handle.options(method_name=method, session_id=replica)
        return await self._result(_call(handle, *arguments, **named))

    async def iterate(
        self,
        method: str,
        *arguments: object,
        replica: str | None = None,
        deadline: float | None = None,
        **named: object,
    ) -> AsyncGenerator[object, None]:
        """Yields what a method of one replica yields.

        Args:
            method: of `ModelReplica`.
            arguments: of the method.
            replica: which one; any by default.
            deadline: instant of `time.monotonic`.
            named: arguments of the method.

        Raises:
            UnavailableError: the replica has stopped, or there is none.
            DeadlineExceededError: the deadline passed.
            NordlydError: as the method yielded it.
        """
        options: dict[str, object] = {"method_name": method, "stream": True}
        if replica is not None:
            options["session_id"] = replica
        response = _call(self._handle.options(**options), *arguments, **named)
        try:
            while True:
                try:
                    item = await run_until_deadline(
                        deadline, self._guard(self._result(response.__anext__())), _DOING
                    )
                except StopAsyncIteration:
                    return
                yield item
        finally:
            response.cancel()

    async def reports(self, seconds: float) -> list[ReplicaReport]:
        """Returns a report of each replica.

        Raises:
            TimeoutError: one of them did not answer within so many seconds.
        """
        try:
            found = await self._handle.broadcast("report").results_async(
                timeout_s=seconds, return_exceptions=True
            )
        except RayServeException:
            return []
        return [report for report in found if isinstance(report, ReplicaReport)]

    async def report_of(self, replica: str, seconds: float) -> ReplicaReport | None:
        """Returns the report of one replica; None where it does not answer in time."""
        try:
            async with asyncio.timeout(seconds):
                report = await self.pinned(replica, "report")
        except (TimeoutError, UnavailableError):
            return None
        return report if isinstance(report, ReplicaReport) else None

    async def _attempt(self, method: str, arguments: tuple[object, ...]) -> object:
        response = _call(self._handle.options(method_name=method), *arguments)
        try:
            return await self._guard(self._result(response))
        except BaseException:
            response.cancel()
            raise

    async def _guard(self, work: Coroutine[Any, Any, object]) -> object:
        """Returns what the work returns, unless there is no replica for too long."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_CHECK_SECONDS)
                if not task.done() and self._seconds_alone() > self._patience:
                    raise self.lost(f"there is no replica of {self._model}")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _result(self, response: Awaitable[object]) -> object:
        try:
            result = await response
        except RayTaskError:
            raise
        except (RayError, RayServeException) as error:
            raise self.lost(f"a replica of {self._model} has stopped") from error
        if isinstance(result, Failure):
            raise result.error
        return result

    def lost(self, reason: str = "a replica has stopped") -> UnavailableError:
        """Returns the error of a request whose replica is lost."""
        return UnavailableError(
            f"The request was not answered: {reason}. Try again.",
            code=LOST,
            retry_after=_RETRY_SECONDS,
        )


def _call(  # what it returns depends on the handle's options
    handle: DeploymentHandle, *arguments: object, **named: object
) -> Any:  # noqa: ANN401
    """Returns the response of a call, which may be awaited or iterated.

    Within a request of Serve, all calls have the id of that request, by which Ray's router keeps
    those that wait for a replica: of two at once it loses one. In a context of its own each call
    has its own id.
    """
    return Context().run(handle.remote, *arguments, **named)
