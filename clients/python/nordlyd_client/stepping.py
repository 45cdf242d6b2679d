"""Turns asynchronous iterators into plain ones, and plain ones into asynchronous, on a thread."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

_T = TypeVar("_T")
# Values that are ready and not yet read, at most.
_AHEAD = 64


@dataclass(frozen=True, slots=True)
class _Ended:
    error: BaseException | None


def step_through(values: AsyncGenerator[_T, None]) -> Generator[_T, None, None]:
    """Yields what an asynchronous generator yields, which continues while its reader is busy.

    Closing this one closes the other and ends its thread.
    """
    box: SimpleQueue[_T | _Ended] = SimpleQueue()
    room = asyncio.Semaphore(_AHEAD)
    loop = asyncio.new_event_loop()

    async def pump() -> None:
        async with aclosing(values):
            async for value in values:
                await room.acquire()
                box.put(value)

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except BaseException as error:
            box.put(_Ended(error))
        else:
            box.put(_Ended(None))

    task = loop.create_task(pump())
    thread = threading.Thread(target=run, name="nordlyd-stream", daemon=True)
    thread.start()
    try:
        while not isinstance(value := box.get(), _Ended):
            yield value
            loop.call_soon_threadsafe(room.release)
        if value.error is not None:
            raise value.error
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


async def step_beside(values: Iterable[_T] | AsyncIterable[_T]) -> AsyncGenerator[_T, None]:
    """Yields what any iterator yields; a plain one is read on a thread, since reading may block.

    The thread is not joined at the end: it may be blocked on a pipe without a writer.
    """
    if isinstance(values, AsyncIterable):
        async for value in values:
            yield value
        return
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[_T | _Ended] = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)
    left = threading.Event()

    def hand_over(value: "_T | _Ended") -> None:
        room.acquire()
        if not left.is_set():
            # The loop may be closed by now, since this thread is not joined.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(queue.put_nowait, value)

    def run() -> None:
        try:
            for value in values:
                hand_over(value)
                if left.is_set():
                    return
        except Exception as error:
            hand_over(_Ended(error))
        else:
            hand_over(_Ended(None))

    threading.Thread(target=run, name="nordlyd-source", daemon=True).start()
    try:
        while not isinstance(item := await queue.get(), _Ended):
            room.release()
            yield item
    finally:
        left.set()
        room.release()
    if item.error is not None:
        raise item.error
