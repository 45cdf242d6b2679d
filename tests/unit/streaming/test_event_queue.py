"""Events are delivered once each, and the queue is bounded."""

import asyncio

import pytest

from app.errors import UnavailableError
from app.streaming import EndpointReached, LiveEvent, LiveWord, PartialResult, SpeechStarted
from app.streaming.event_queue import EventQueue


def partial(text: str) -> PartialResult:
    return PartialResult(0, (LiveWord(text, 0.0, 1.0, 0.9, False),))


async def read(queue: EventQueue) -> list[LiveEvent]:
    return [event async for event in queue.read(lambda: True)]


def test_events_are_read_in_order_until_the_end() -> None:
    async def run() -> list[LiveEvent]:
        queue = EventQueue(10)
        queue.emit(SpeechStarted(0, 0.0))
        queue.emit(EndpointReached(0, 1.0))
        queue.end()
        return await read(queue)

    assert asyncio.run(run()) == [SpeechStarted(0, 0.0), EndpointReached(0, 1.0)]


def test_unread_partial_result_is_replaced_by_the_next() -> None:
    async def run() -> list[LiveEvent]:
        queue = EventQueue(10)
        queue.emit(SpeechStarted(0, 0.0))
        for number in range(1000):
            queue.emit(partial(str(number)))
        queue.end()
        return await read(queue)

    assert asyncio.run(run()) == [SpeechStarted(0, 0.0), partial("999")]


def test_event_of_a_broken_connection_is_read_again() -> None:
    async def run() -> list[LiveEvent]:
        queue = EventQueue(10)
        for number in range(3):
            queue.emit(EndpointReached(number, 1.0))
        queue.end()
        reader = queue.read(lambda: True)
        assert await anext(reader) == EndpointReached(0, 1.0)
        assert await anext(reader) == EndpointReached(1, 1.0)
        await reader.aclose()
        return await read(queue)

    assert asyncio.run(run()) == [EndpointReached(1, 1.0), EndpointReached(2, 1.0)]


def test_failure_is_raised_after_the_last_event() -> None:
    async def run() -> LiveEvent:
        queue = EventQueue(10)
        queue.emit(SpeechStarted(0, 0.0))
        queue.end(UnavailableError("stopping"))
        reader = queue.read(lambda: True)
        event = await anext(reader)
        with pytest.raises(UnavailableError):
            await anext(reader)
        return event

    assert asyncio.run(run()) == SpeechStarted(0, 0.0)


def test_emitter_waits_while_too_many_events_are_unread() -> None:
    async def run() -> None:
        queue = EventQueue(2)
        queue.emit(EndpointReached(0, 1.0))
        await queue.wait_for_room()
        queue.emit(EndpointReached(1, 1.0))
        waiting = asyncio.create_task(queue.wait_for_room())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        reader = queue.read(lambda: True)
        await anext(reader)
        await anext(reader)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())


def test_replaced_reader_ends() -> None:
    async def run() -> list[LiveEvent]:
        queue = EventQueue(2)
        is_current = True
        reader = asyncio.create_task(_collect(queue, lambda: is_current))
        await asyncio.sleep(0)
        is_current = False
        queue.wake_readers()
        return await asyncio.wait_for(reader, 5)

    assert asyncio.run(run()) == []


async def _collect(queue: EventQueue, is_current) -> list[LiveEvent]:
    return [event async for event in queue.read(is_current)]
