"""A pool of processes that render transcripts.

A process, unlike a thread, takes no time from the event loop, and can be killed in the middle of
its work when the request is cancelled.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import structlog

from app.contract.layout import Layout
from app.errors import NordlydError, OverloadedError, TooLargeError
from app.formats import Rendered, describe
from app.rendering.frames import SIZES, frame, read_head

_RETRY_SECONDS = 5.0
# Per process; their bodies are kept in memory while they wait.
_MAX_WAITING = 8

_log = structlog.get_logger("nordlyd.rendering")


class NotATranscriptError(Exception):
    """The body of a request is not a transcript.

    Args:
        issues: the errors of pydantic, without the input.
    """

    def __init__(self, issues: Sequence[dict[str, Any]]) -> None:
        super().__init__("not a transcript")
        self.issues = issues


class RenderPool:
    """Renders transcripts.

    Args:
        workers: number of processes, each started when it is first needed.
        seconds: time limit of one transcript.
    """

    def __init__(self, workers: int = 1, seconds: float = 30.0) -> None:
        self._workers = workers
        self._seconds = seconds
        self._free = asyncio.Semaphore(workers)
        self._requests = 0
        self._idle: list[Process] = []

    async def render(
        self, body: bytes, name: str, *, recording: str, word_cues: bool, layout: Layout
    ) -> Rendered:
        """Renders a transcript in a format; cancelling this kills the process at work.

        Args:
            body: a `GivenTranscript` as JSON.
            name: of the format.
            recording: the recording's file name, for links to it.
            word_cues: with vtt, add the time of each word.
            layout: of text, md, f4 and docx.

        Raises:
            NotATranscriptError: the body is not a transcript.
            OverloadedError: too many requests wait already.
            TooLargeError: the time limit passed.
            NordlydError: the process ended.
        """
        if self._requests >= self._workers * (1 + _MAX_WAITING):
            raise OverloadedError(
                f"{self._requests} transcripts are being written already "
                f"(NORDLYD_RENDER_WORKERS). Try again in {_RETRY_SECONDS:.0f} s.",
                retry_after=_RETRY_SECONDS,
            )
        self._requests += 1
        try:
            async with self._free:
                options = {
                    "name": name,
                    "recording": recording,
                    "word_cues": word_cues,
                    "layout": asdict(layout),
                }
                head, answer = await self._run(frame(options, body))
        finally:
            self._requests -= 1
        if "issues" in head:
            raise NotATranscriptError(head["issues"])
        info = describe(name)
        return Rendered(answer, info.media_type, info.extension)

    async def close(self) -> None:
        """Kills the processes that are idle; those at work end with their requests."""
        while self._idle:
            await _end(self._idle.pop())

    async def _run(self, request: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._idle.pop() if self._idle else await _start()
        try:
            async with asyncio.timeout(self._seconds) as limit:
                reply = await _exchange(process, request)
        except TimeoutError:
            await _end(process)
            if not limit.expired():
                raise
            raise TooLargeError(
                f"Writing this transcript takes over {self._seconds:g} s "
                "(NORDLYD_RENDER_SECONDS); accepted: shorter ones."
            ) from None
        except (OSError, asyncio.IncompleteReadError):
            await _end(process)
            _log.warning("rendering process ended", status=process.returncode)
            raise NordlydError(
                "The process that was writing this transcript ended; the log has its exit status."
            ) from None
        except BaseException:
            await _end(process)
            raise
        self._idle.append(process)
        return reply


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.rendering.worker", stdin=PIPE, stdout=PIPE
    )


async def _exchange(process: Process, request: bytes) -> tuple[dict[str, Any], bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request)
    await process.stdin.drain()
    head, body = SIZES.unpack(await process.stdout.readexactly(SIZES.size))
    return (
        read_head(await process.stdout.readexactly(head)),
        await process.stdout.readexactly(body),
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    # Shielded from the cancellation of the request: the process ends within milliseconds.
    await asyncio.shield(asyncio.ensure_future(process.wait()))
