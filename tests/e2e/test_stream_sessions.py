"""WS /stream when things go wrong: refusals, keys, lost connections, a full or stopping server."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from live import (
    END,
    FLUSH,
    RATE,
    StreamLog,
    converse,
    live_url,
    pieces,
    receive,
    recording,
    sample,
    send,
    silence,
    until,
)
from running import KEY, RunningServer, live_streams
from troubles import troubles
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.long


def refused(
    server: RunningServer, messages: list[Any] | None = None, **options: object
) -> StreamLog:
    return asyncio.run(converse(live_url(server, **options), messages or []))


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"encoding": "mp3"}, "encoding"),
        ({"rate": "fast"}, "rate"),
        ({"rate": 3}, None),
        ({"channels": 0}, None),
        ({"vad_threshold": 1.5}, "vad_threshold"),
        ({"endpoint_silence": 0}, "endpoint_silence"),
        ({"partials": "maybe"}, "partials"),
        ({"speed": 2}, "speed"),
        ({"decoder": "greedy", "beam_width": 5}, "beam_width"),
        ({"mask_profanities": "true"}, "mask_profanities"),
        ({"session": "gone"}, "session"),
    ],
)
def test_wrong_parameter_is_refused_by_name(
    server: RunningServer, options: dict[str, object], param: str | None
) -> None:
    log = refused(server, **options)
    assert log.kinds == ["error"]
    assert log.closed == 1008
    assert log.error["param"] == param
    assert log.error["code"] == "invalid_request"
    assert str(next(iter(options.values()))) in log.error["message"] or param in {
        "beam_width", "mask_profanities", "speed",
    }  # fmt: skip


def test_unknown_language_is_refused(server: RunningServer) -> None:
    log = refused(server, language="fi")
    assert (log.error["code"], log.error["param"]) == ("model_not_found", "language")
    assert log.closed == 1008


@pytest.mark.parametrize(
    "message",
    ["", "end", "{}", "[]", '{"type": "stop"}', '{"type": ["end"]}', "\u0000", "1" * 9999],
)
def test_unknown_text_is_refused_with_the_accepted_ones(
    server: RunningServer, message: str
) -> None:
    async def run() -> StreamLog:
        async with connect(live_url(server)) as socket:
            await socket.send(message)
            return await receive(socket, StreamLog())

    log = asyncio.run(run())
    assert log.kinds == ["ready", "error"]
    assert '{"type": "end"}' in log.error["message"]
    assert len(log.error["message"]) < 500
    assert log.closed == 1008


def test_samples_that_are_not_finite_end_only_their_stream(server: RunningServer) -> None:
    data = np.full(1600, np.nan, "<f4").tobytes()
    log = refused(server, [data], encoding="f32le")
    assert log.error["code"] == "invalid_audio"
    assert log.closed == 1008
    assert refused(server, [END]).kinds == ["ready", "end"]


def protocols(key: str) -> list[str]:
    encoded = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return ["nordlyd", f"nordlyd.key.{encoded}"]


@pytest.mark.parametrize("key", ["key-0", KEY])
def test_key_is_accepted_in_the_header_or_a_subprotocol(guarded: RunningServer, key: str) -> None:
    async def both() -> tuple[StreamLog, str | None]:
        # A header is bytes; the client writes text as Latin-1 and so sends these very bytes.
        bearer = {"authorization": "Bearer " + key.encode().decode("latin-1")}
        log = await converse(live_url(guarded), [END], additional_headers=bearer)
        async with connect(live_url(guarded), subprotocols=protocols(key)) as socket:
            chosen = socket.subprotocol
            await send(socket, [END])
            await receive(socket, log)
        return log, chosen

    log, chosen = asyncio.run(both())
    assert log.kinds == ["ready", "end", "ready", "end"]
    assert chosen == "nordlyd"


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Basic key-0"])
def test_handshake_without_a_valid_key_is_refused(
    guarded: RunningServer, given: str | None
) -> None:
    headers = {} if given is None else {"authorization": given}
    with pytest.raises(InvalidStatus) as refusal:
        asyncio.run(converse(live_url(guarded), [END], additional_headers=headers))
    response = refusal.value.response
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-request-id"]
    assert json.loads(response.body)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("offered", [["nordlyd"], protocols("wrong"), ["nordlyd", "nordlyd.key.*"]])
def test_page_with_a_wrong_key_gets_the_error_as_a_message(
    guarded: RunningServer, offered: list[str]
) -> None:
    log = asyncio.run(converse(live_url(guarded), [], subprotocols=offered))
    assert log.error["code"] == "invalid_api_key"
    assert log.closed == 1008


async def abort(socket: ClientConnection) -> None:
    """Aborts the connection without a close frame."""
    socket.transport.abort()
    await socket.wait_closed()


def test_client_continues_its_stream_after_a_lost_connection(demos: RunningServer) -> None:
    samples = sample(1)

    async def interrupted() -> tuple[StreamLog, StreamLog, str]:
        whole = await converse(live_url(demos, language="nb"), recording(samples))
        async with connect(live_url(demos, language="nb")) as socket:
            before = StreamLog()
            await send(socket, pieces(samples[: len(samples) // 2].tobytes()), pace=0.01)
            await receive(socket, before, until="partial")
            await abort(socket)
        session = before.messages[0]["session"]
        after = StreamLog()
        async with connect(live_url(demos, session=session)) as socket:
            await receive(socket, after, until="ready")
            received = round(after.messages[0]["received"] * RATE)
            await send(socket, recording(samples[received:]))
            await receive(socket, after)
        return before, after, whole.text

    before, after, text = asyncio.run(interrupted())
    ready = after.messages[0]
    assert ready["session"] == before.messages[0]["session"]
    assert 0 < ready["received"] <= len(samples) / RATE / 2 + 0.001
    assert (ready["model"], ready["language"]) == ("demo-nb", "nb")
    [final] = after.of("final")
    assert final["text"] == text
    assert final["utterance"] == before.of("partial")[0]["utterance"]
    assert after.closed == 1000


def test_unread_results_wait_for_the_client(demos: RunningServer) -> None:
    samples = sample(2)

    async def interrupted() -> tuple[StreamLog, str]:
        whole = await converse(live_url(demos, language="nb"), recording(samples))
        async with connect(live_url(demos, language="nb")) as socket:
            before = StreamLog()
            await receive(socket, before, until="ready")
            await send(socket, recording(samples))
            await socket.ping()
            await abort(socket)
        after = StreamLog()
        async with connect(live_url(demos, session=before.messages[0]["session"])) as socket:
            await receive(socket, after, until="ready")
            # A connection may break with audio still on its way, which a client sends again.
            received = round(after.messages[0]["received"] * RATE)
            await send(socket, recording(samples[received:]))
            return await receive(socket, after), whole.text

    log, text = asyncio.run(interrupted())
    assert log.kinds[0] == "ready"
    assert log.kinds[-1] == "end"
    assert log.text == text


def test_lost_final_results_are_sent_again(demos: RunningServer) -> None:
    async def interrupted() -> tuple[StreamLog, StreamLog]:
        async with connect(live_url(demos, language="nb")) as socket:
            for number in (1, 2, 3):
                await send(socket, [*pieces(sample(number).tobytes()), FLUSH])
            before = StreamLog()
            while len(before.of("final")) < 3:
                before.messages.append(json.loads(await socket.recv()))
            await abort(socket)
        # As if only the first of them had come.
        url = live_url(demos, session=before.messages[0]["session"], after=0)
        return before, await converse(url, [END])

    before, after = asyncio.run(interrupted())
    assert after.kinds == ["ready", "final", "final", "end"]
    assert after.of("final") == before.of("final")[1:]


def test_second_connection_takes_a_session_over(demos: RunningServer) -> None:
    async def taken() -> tuple[StreamLog, StreamLog]:
        first, second = StreamLog(), StreamLog()
        async with connect(live_url(demos, language="nb")) as old:
            await receive(old, first, until="ready")
            await send(old, pieces(sample(2)[:RATE].tobytes()))
            session = first.messages[0]["session"]
            async with connect(live_url(demos, session=session)) as new:
                await receive(old, first)
                await receive(new, second, until="ready")
                received = round(second.messages[0]["received"] * RATE)
                await send(new, recording(sample(2)[received:]))
                await receive(new, second)
        return first, second

    first, second = asyncio.run(taken())
    assert first.error["code"] == "session_taken"
    assert first.closed == 1008
    assert second.text
    assert second.kinds[-1] == "end"


@pytest.fixture(scope="module")
def two_streams(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server for two streams at once, with short timeouts; the last test stops it."""
    settings = tiny_settings | {
        "LIVE_STREAMS": "2", "LIVE_KEEP_SECONDS": "0.5", "LIVE_IDLE_SECONDS": "1",
    }  # fmt: skip
    running = RunningServer(tmp_path_factory.mktemp("two_streams"), settings)
    yield running.wait_ready()
    running.stop()
    assert troubles(running.log) == []


@pytest.mark.parametrize("clean_close", [True, False])
def test_client_that_leaves_frees_its_stream(two_streams: RunningServer, clean_close: bool) -> None:
    async def fill_the_server(client: httpx.Client) -> tuple[StreamLog, StreamLog]:
        async with (
            connect(live_url(two_streams)) as one,
            connect(live_url(two_streams)) as other,
        ):
            await receive(one, StreamLog(), until="ready")
            await receive(other, StreamLog(), until="ready")
            third = await converse(live_url(two_streams), [END])
            for socket in (one, other):
                await send(socket, pieces(sample(2).tobytes()))
                await (socket.close() if clean_close else abort(socket))
            await until(lambda: live_streams(client) == 0)
        return third, await converse(live_url(two_streams), [END])

    with two_streams.client() as client:
        third, fourth = asyncio.run(fill_the_server(client))
    assert third.error["code"] == "queue_full"
    assert "NORDLYD_LIVE_STREAMS" in third.error["message"]
    assert third.closed == 1013
    assert fourth.kinds == ["ready", "end"]


def test_stream_without_audio_is_ended(two_streams: RunningServer) -> None:
    log = refused(two_streams, pieces(sample(2).tobytes()))
    # The last words are sent first.
    assert log.kinds[-2:] == ["final", "error"]
    assert log.error["code"] == "stream_idle"
    assert log.closed == 1008


def test_broken_session_expires(two_streams: RunningServer) -> None:
    async def late(client: httpx.Client) -> StreamLog:
        async with connect(live_url(two_streams)) as socket:
            before = await receive(socket, StreamLog(), until="ready")
            await abort(socket)
        await until(lambda: live_streams(client) == 0)
        return await converse(live_url(two_streams, session=before.messages[0]["session"]), [END])

    with two_streams.client() as client:
        log = asyncio.run(late(client))
    assert log.error["param"] == "session"


def test_stopping_server_sends_the_last_words(two_streams: RunningServer) -> None:
    async def stopped() -> StreamLog:
        log = StreamLog()
        async with connect(live_url(two_streams)) as socket:
            await send(socket, pieces(np.concatenate([silence(0.5), sample(2)]).tobytes()))
            await receive(socket, log, until="partial")
            two_streams.signal_stop()
            # Audio that is still sent is not transcribed, and the last words are sent all the same.
            sending = asyncio.create_task(send(socket, pieces(silence(20).tobytes()), pace=0.02))
            await receive(socket, log)
            await asyncio.gather(sending, return_exceptions=True)
            return log

    log = asyncio.run(stopped())
    assert log.kinds[-3:] == ["endpoint", "final", "error"]
    assert log.error["code"] == "draining"
    assert log.closed == 1012
    assert two_streams.stop() == 0
