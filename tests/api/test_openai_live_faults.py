"""OpenAI's Realtime client of a service that fails, is full or is stopping."""

import asyncio
import base64
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from in_process import InProcess, wait_for
from on_loopback import serving
from openai import AsyncOpenAI
from sounds import tones
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.streaming import StreamLimits, Streams, find_vad_model

TRANSCRIPTION = "conversation.item.input_audio_transcription"
# The client's package connects in a form that websockets has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning")
MANUAL: Any = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
SOUND = base64.b64encode((tones(0, 1.0) * 32_767).astype("<i2").tobytes()).decode()

# They are samples of 16 kHz, taken for 24 kHz.
SECONDS = 2 / 3


async def until(connection: Any, kind: str) -> Any:
    async with asyncio.timeout(20):
        while (event := await connection.recv()).type != kind:
            pass
    return event


async def commit_sound(connection: Any) -> None:
    """Sends a second of sound, and commits it."""
    await connection.input_audio_buffer.append(audio=SOUND)
    await connection.input_audio_buffer.commit()


async def closed(connection: Any) -> int:
    """The code with which the service closes the connection."""
    with pytest.raises(ConnectionClosed) as ended:
        await until(connection, "never")
    assert ended.value.rcvd is not None
    return int(ended.value.rcvd.code)


def limit(running: InProcess, limits: StreamLimits) -> None:
    """Takes live streams with other limits."""
    parts = running.app.state.app_state
    live = Streams(running.service, running.recognition, parts.telemetry, limits, find_vad_model())
    running.app.state.app_state = replace(parts, live=live)


def connect(client: AsyncOpenAI) -> Any:
    return client.realtime.connect(extra_query={"intent": "transcription"})


def test_failed_item_does_not_affect_the_next_one() -> None:
    async def run() -> None:
        async with serving() as (running, client), connect(client) as connection:
            await connection.session.update(session=MANUAL)
            running.model.failure = RuntimeError("out of order")
            await commit_sound(connection)
            committed = await until(connection, "input_audio_buffer.committed")
            failed = await until(connection, f"{TRANSCRIPTION}.failed")
            assert failed.item_id == committed.item_id
            assert failed.error.code == "encoding_failed"
            running.model.failure = None
            await commit_sound(connection)
            completed = await until(connection, f"{TRANSCRIPTION}.completed")
            assert completed.transcript == "a"
            assert completed.item_id != failed.item_id

    asyncio.run(run())


def test_full_service_refuses_a_client_until_there_is_room() -> None:
    async def run() -> None:
        async with serving() as (running, client):
            limit(running, StreamLimits(streams=1))
            async with connect(client) as one, connect(client) as other:
                await one.input_audio_buffer.append(audio=SOUND)
                await wait_for(lambda: not running.service.idle)
                await other.input_audio_buffer.append(audio=SOUND)
                error = (await until(other, "error")).error
                assert (error.code, error.type) == ("queue_full", "rate_limit_error")
                assert await closed(other) == 1013
            await wait_for(lambda: running.service.idle)
            async with connect(client) as again:
                await again.session.update(session=MANUAL)
                await commit_sound(again)
                assert (await until(again, f"{TRANSCRIPTION}.completed")).transcript == "a"

    asyncio.run(run())


def test_drain_ends_connections_and_refuses_new_ones() -> None:
    async def run() -> None:
        async with serving() as (running, client), connect(client) as connection:
            await connection.session.update(session=MANUAL)
            await connection.input_audio_buffer.append(audio=SOUND)
            await wait_for(lambda: not running.service.idle)
            running.service.begin_drain()
            error = (await until(connection, "error")).error
            assert error.code == "draining"
            assert await closed(connection) == 1012
            await wait_for(lambda: running.service.idle)
            with pytest.raises(InvalidStatus) as refused:
                await connect(client).enter()
            assert refused.value.response.status_code == 503
            assert int(refused.value.response.headers["retry-after"]) > 0

    asyncio.run(run())


@pytest.mark.long
@pytest.mark.parametrize("detected", [True, False])
def test_audio_after_an_idle_stream_continues_the_session(detected: bool) -> None:
    async def run() -> None:
        async with serving() as (running, client):
            limit(running, StreamLimits(idle_seconds=0.2))
            async with connect(client) as connection:
                await until(connection, "session.created")
                if not detected:
                    await connection.session.update(session=MANUAL)
                await connection.input_audio_buffer.append(audio=SOUND)
                await wait_for(lambda: not running.service.idle)
                await wait_for(lambda: running.service.idle)
                await commit_sound(connection)
                completed = await until(connection, f"{TRANSCRIPTION}.completed")
                # What the client has not committed yet is still the same item.
                seconds = completed.usage.seconds
                assert seconds == pytest.approx(SECONDS if detected else 2 * SECONDS, abs=0.05)
                assert completed.transcript == ("" if detected else "a a")

    asyncio.run(run())


def test_client_that_leaves_frees_its_stream() -> None:
    async def run() -> None:
        async with serving() as (running, client):
            for polite in (True, False):
                connection = await connect(client).enter()
                await connection.input_audio_buffer.append(audio=SOUND)
                await wait_for(lambda: not running.service.idle)
                if polite:
                    await connection.close()
                else:
                    connection._connection.transport.abort()
                    with suppress(Exception):
                        await connection.close()
                await wait_for(lambda: running.service.idle)

    asyncio.run(run())
