"""Live sound and what listens to it in; events shown as they come out."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from app.cli.listening import Listening
from app.cli.live_view import View, open_view
from app.cli.sources import Source
from app.client.stepping import step_beside


def follow(work: AbstractAsyncContextManager[Listening], source: Source, *, as_json: bool) -> bool:
    """Show what is heard until the sound ends, or somebody ends it.

    The first interrupt ends the sound, and what was said until then is still told; the second
    ends everything.

    Returns:
        Whether it was interrupted.

    Raises:
        NordlydError: the sound cannot be heard.
    """
    with open_view(as_json=as_json) as view:
        return asyncio.run(_follow(work, source, view))


async def _follow(work: AbstractAsyncContextManager[Listening], source: Source, view: View) -> bool:
    async with work as listening:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            stopped.set()
            loop.remove_signal_handler(signal.SIGINT)

        loop.add_signal_handler(signal.SIGINT, stop)
        pieces = _until(stopped, source)
        async with aclosing(listening.listen(pieces, source.pcm)) as events:
            async for event in events:
                view.show(event)
        return stopped.is_set()


async def _until(stopped: asyncio.Event, source: Source) -> AsyncGenerator[bytes, None]:
    """The pieces of a source, until it ends or is stopped."""
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
