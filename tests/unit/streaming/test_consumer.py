"""Reading a client's messages while its stream may end, and feeding a stream with pieces."""

import asyncio
import subprocess
import sys

import pytest

from app.errors import ClientDisconnectedError, EncodingError, StreamIdleError
from app.streaming import MessageReader


def test_interrupted_read_continues_and_loses_no_byte() -> None:
    async def run() -> None:
        connection = asyncio.StreamReader()
        reader = MessageReader(lambda: connection.readexactly(4), idle_seconds=60)
        connection.feed_data(b"ab")
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(ended.set_exception, EncodingError("broken"))
        with pytest.raises(EncodingError):
            await reader.next(ended)
        connection.feed_data(b"cd")
        assert await reader.next() == b"abcd"
        await reader.close()

    asyncio.run(run())


def test_message_that_arrived_comes_before_the_end_of_the_stream() -> None:
    async def run() -> None:
        connection = asyncio.StreamReader()
        connection.feed_data(b"abcd")
        reader = MessageReader(lambda: connection.readexactly(4), idle_seconds=60)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ended.set_exception(EncodingError("broken"))
        assert await reader.next(ended) == b"abcd"
        with pytest.raises(EncodingError):
            await reader.next(ended)
        await reader.close()

    asyncio.run(run())


def test_client_without_a_stream_that_sends_nothing_is_idle() -> None:
    async def run() -> None:
        reader = MessageReader(asyncio.StreamReader().readline, idle_seconds=0.05)
        with pytest.raises(StreamIdleError, match="NORDLYD_LIVE_IDLE_SECONDS"):
            await reader.next()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(reader.next(ended))
        await asyncio.sleep(0.2)
        # The stream has an idle time of its own, and the client's begins after it.
        assert not waiting.done()
        ended.set_result(None)
        with pytest.raises(StreamIdleError):
            await waiting
        await reader.close()

    asyncio.run(run())


def test_work_for_a_message_is_cancelled_when_the_client_leaves() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        reader = MessageReader(asyncio.StreamReader().readline, idle_seconds=60, gone=gone)
        cancelled = False

        async def work(seconds: float) -> str:
            nonlocal cancelled
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                cancelled = True
                raise
            return "done"

        assert await reader.run(work(0.0)) == "done"
        loop.call_soon(gone.set_result, None)
        with pytest.raises(ClientDisconnectedError):
            await reader.run(work(60.0))
        assert cancelled
        await reader.close()

    asyncio.run(run())


def test_streaming_does_not_import_the_service() -> None:
    code = "import sys, app.streaming; print('app.pipeline' in sys.modules, 'torch' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert ended.stdout.split() == ["False", "False"]
