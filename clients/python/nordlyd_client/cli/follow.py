"""Sends live audio to a backend and shows the events that come back."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from nordlyd_client.cli.backends import LiveBackend
from nordlyd_client.cli.live_view import View, open_view
from nordlyd_client.cli.sources import Source
from nordlyd_client.stepping import step_beside


def follow(
    opened: AbstractAsyncContextManager[LiveBackend], source: Source, *, as_json: bool
) -> bool:
    """Shows the events of a stream until its audio ends or is interrupted.

    The first interrupt ends the audio, and the words until then are still shown; the second one
    ends the process.

    Args:
        opened: the backend, closed at the end.
        source: the audio.
        as_json: print the events as JSON.

    Returns:
        Whether it was interrupted.

    Raises:
        ClientError: the audio cannot be transcribed.
    """
    with open_view(as_json=as_json) as view:
        return asyncio.run(_follow(opened, source, view))


async def _follow(
    opened: AbstractAsyncContextManager[LiveBackend], source: Source, view: View
) -> bool:
    async with opened as backend:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            stopped.set()
            loop.remove_signal_handler(signal.SIGINT)

        loop.add_signal_handler(signal.SIGINT, stop)
        pieces = _until(stopped, source)
        async with aclosing(backend.listen(pieces, source.pcm)) as events:
            async for event in events:
                view.show(event)
        return stopped.is_set()


async def _until(stopped: asyncio.Event, source: Source) -> AsyncGenerator[bytes, None]:
    """Yields the pieces of a source until it ends or is stopped."""
    pieces = step_beside(source.pieces)
    stop = asyncio.ensure_future(stopped.wait())
    step: asyncio.Future[bytes] | None = None
    try:
        while not stop.done():
            step = asyncio.ensure_future(anext(pieces))
            await asyncio.wait({step, stop}, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                try:
                    piece = step.result()
                except StopAsyncIteration:
                    return
                yield piece
    finally:
        waiting: list[asyncio.Future[Any]] = [stop] if step is None else [stop, step]
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await pieces.aclose()
