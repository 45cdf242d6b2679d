"""Events wait for whoever reads, once each, and never pile up."""

import asyncio

import pytest

from app.errors import UnavailableError
from app.streaming import EndpointReached, LiveEvent, LiveWord, PartialResult, SpeechStarted
from app.streaming.event_queue import EventQueue


def partial(text: str) -> PartialResult:
    return PartialResult(0, (LiveWord(text, 0.0, 1.0, 0.9, False),))


async def read(told: EventQueue) -> list[LiveEvent]:
    return [event async for event in told.read(lambda: True)]


def test_events_are_read_in_order_and_then_it_ends() -> None:
    async def run() -> list[LiveEvent]:
        told = EventQueue(10)
        told.emit(SpeechStarted(0, 0.0))
        told.emit(EndpointReached(0, 1.0))
        told.end()
        return await read(told)

    assert asyncio.run(run()) == [SpeechStarted(0, 0.0), EndpointReached(0, 1.0)]


def test_a_partial_result_nobody_read_gives_way_to_the_next() -> None:
    async def run() -> list[LiveEvent]:
        told = EventQueue(10)
        told.emit(SpeechStarted(0, 0.0))
        for number in range(1000):
            told.emit(partial(str(number)))
        told.end()
        return await read(told)

    assert asyncio.run(run()) == [SpeechStarted(0, 0.0), partial("999")]


def test_an_event_on_which_a_connection_broke_is_read_by_the_next() -> None:
    async def run() -> list[LiveEvent]:
        told = EventQueue(10)
        for number in range(3):
            told.emit(EndpointReached(number, 1.0))
        told.end()
        reader = told.read(lambda: True)
        assert await anext(reader) == EndpointReached(0, 1.0)
        assert await anext(reader) == EndpointReached(1, 1.0)
        await reader.aclose()
        return await read(told)

    assert asyncio.run(run()) == [EndpointReached(1, 1.0), EndpointReached(2, 1.0)]


def test_what_went_wrong_is_raised_after_the_last_event() -> None:
    async def run() -> LiveEvent:
        told = EventQueue(10)
        told.emit(SpeechStarted(0, 0.0))
        told.end(UnavailableError("stopping"))
        reader = told.read(lambda: True)
        event = await anext(reader)
        with pytest.raises(UnavailableError):
            await anext(reader)
        return event

    assert asyncio.run(run()) == SpeechStarted(0, 0.0)


def test_who_tells_waits_while_too_much_is_unread() -> None:
    async def run() -> None:
        told = EventQueue(2)
        told.emit(EndpointReached(0, 1.0))
        await told.wait_for_room()
        told.emit(EndpointReached(1, 1.0))
        waiting = asyncio.create_task(told.wait_for_room())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        reader = told.read(lambda: True)
        await anext(reader)
        await anext(reader)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())


def test_a_reader_that_is_not_wanted_any_more_ends() -> None:
    async def run() -> list[LiveEvent]:
        told = EventQueue(2)
        wanted = True
        reader = asyncio.create_task(_collect(told, lambda: wanted))
        await asyncio.sleep(0)
        wanted = False
        told.wake_readers()
        return await asyncio.wait_for(reader, 5)

    assert asyncio.run(run()) == []


async def _collect(told: EventQueue, wanted) -> list[LiveEvent]:
    return [event async for event in told.read(wanted)]
