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
    Heard,
    converse,
    listen,
    live_url,
    pieces,
    said,
    sample,
    say,
    silence,
    until,
)
from running import KEY, RunningServer
from troubles import troubles
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus


def refused(server: RunningServer, messages: list[Any] | None = None, **asked: object) -> Heard:
    return asyncio.run(converse(live_url(server, **asked), messages or []))


@pytest.mark.parametrize(
    ("asked", "param"),
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
def test_a_wrong_parameter_is_refused_by_name(
    server: RunningServer, asked: dict[str, object], param: str | None
) -> None:
    heard = refused(server, **asked)
    assert heard.kinds == ["error"]
    assert heard.closed == 1008
    assert heard.error["param"] == param
    assert heard.error["code"] == "invalid_request"
    assert str(next(iter(asked.values()))) in heard.error["message"] or param in {
        "beam_width", "mask_profanities", "speed",
    }  # fmt: skip


def test_an_unknown_language_is_refused(server: RunningServer) -> None:
    heard = refused(server, language="fi")
    assert (heard.error["code"], heard.error["param"]) == ("model_not_found", "language")
    assert heard.closed == 1008


@pytest.mark.parametrize(
    "message",
    ["", "end", "{}", "[]", '{"type": "stop"}', '{"type": ["end"]}', "\u0000", "1" * 9999],
)
def test_an_unknown_text_is_answered_with_what_is_known(
    server: RunningServer, message: str
) -> None:
    async def tell() -> Heard:
        async with connect(live_url(server)) as socket:
            await socket.send(message)
            return await listen(socket, Heard())

    heard = asyncio.run(tell())
    assert heard.kinds == ["ready", "error"]
    assert '{"type": "end"}' in heard.error["message"]
    assert len(heard.error["message"]) < 500
    assert heard.closed == 1008


def test_samples_that_are_no_numbers_end_the_stream_alone(server: RunningServer) -> None:
    data = np.full(1600, np.nan, "<f4").tobytes()
    heard = refused(server, [data], encoding="f32le")
    assert heard.error["code"] == "invalid_audio"
    assert heard.closed == 1008
    assert refused(server, [END]).kinds == ["ready", "end"]


def protocols(key: str) -> list[str]:
    encoded = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return ["nordlyd", f"nordlyd.key.{encoded}"]


@pytest.mark.parametrize("key", ["key-0", KEY])
def test_a_key_is_taken_from_the_header_or_a_subprotocol(guarded: RunningServer, key: str) -> None:
    async def both() -> tuple[Heard, str | None]:
        # A header is bytes; the client writes text as Latin-1 and so sends these very bytes.
        bearer = {"authorization": "Bearer " + key.encode().decode("latin-1")}
        heard = await converse(live_url(guarded), [END], additional_headers=bearer)
        async with connect(live_url(guarded), subprotocols=protocols(key)) as socket:
            chosen = socket.subprotocol
            await say(socket, [END])
            await listen(socket, heard)
        return heard, chosen

    heard, chosen = asyncio.run(both())
    assert heard.kinds == ["ready", "end", "ready", "end"]
    assert chosen == "nordlyd"


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Basic key-0"])
def test_without_a_key_the_handshake_is_refused(guarded: RunningServer, given: str | None) -> None:
    headers = {} if given is None else {"authorization": given}
    with pytest.raises(InvalidStatus) as refusal:
        asyncio.run(converse(live_url(guarded), [END], additional_headers=headers))
    response = refusal.value.response
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-request-id"]
    assert json.loads(response.body)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("offered", [["nordlyd"], protocols("wrong"), ["nordlyd", "nordlyd.key.*"]])
def test_a_page_is_told_that_its_key_is_wrong(guarded: RunningServer, offered: list[str]) -> None:
    heard = asyncio.run(converse(live_url(guarded), [], subprotocols=offered))
    assert heard.error["code"] == "invalid_api_key"
    assert heard.closed == 1008


async def vanish(socket: ClientConnection) -> None:
    """Lose the connection without a word."""
    socket.transport.abort()
    await socket.wait_closed()


def test_a_client_that_lost_its_connection_goes_on(demos: RunningServer) -> None:
    samples = sample(1)

    async def interrupted() -> tuple[Heard, Heard, str]:
        whole = await converse(live_url(demos, language="nb"), said(samples))
        async with connect(live_url(demos, language="nb")) as socket:
            before = Heard()
            await say(socket, pieces(samples[: len(samples) // 2].tobytes()), pace=0.01)
            await listen(socket, before, until="partial")
            await vanish(socket)
        session = before.messages[0]["session"]
        after = Heard()
        async with connect(live_url(demos, session=session)) as socket:
            await listen(socket, after, until="ready")
            received = round(after.messages[0]["received"] * RATE)
            await say(socket, said(samples[received:]))
            await listen(socket, after)
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


def test_results_nobody_read_wait_for_the_client(demos: RunningServer) -> None:
    samples = sample(2)

    async def interrupted() -> tuple[Heard, str]:
        whole = await converse(live_url(demos, language="nb"), said(samples))
        async with connect(live_url(demos, language="nb")) as socket:
            before = Heard()
            await listen(socket, before, until="ready")
            await say(socket, said(samples))
            await socket.ping()
            await vanish(socket)
        after = Heard()
        async with connect(live_url(demos, session=before.messages[0]["session"])) as socket:
            await listen(socket, after, until="ready")
            # A connection may break with audio still on its way, which a client sends again.
            received = round(after.messages[0]["received"] * RATE)
            await say(socket, said(samples[received:]))
            return await listen(socket, after), whole.text

    heard, text = asyncio.run(interrupted())
    assert heard.kinds[0] == "ready"
    assert heard.kinds[-1] == "end"
    assert heard.text == text


def test_final_results_that_got_lost_on_the_way_are_told_again(demos: RunningServer) -> None:
    async def interrupted() -> tuple[Heard, Heard]:
        async with connect(live_url(demos, language="nb")) as socket:
            for number in (1, 2, 3):
                await say(socket, [*pieces(sample(number).tobytes()), FLUSH])
            before = Heard()
            while len(before.of("final")) < 3:
                before.messages.append(json.loads(await socket.recv()))
            await vanish(socket)
        # As if only the first of them had come.
        url = live_url(demos, session=before.messages[0]["session"], after=0)
        return before, await converse(url, [END])

    before, after = asyncio.run(interrupted())
    assert after.kinds == ["ready", "final", "final", "end"]
    assert after.of("final") == before.of("final")[1:]


def test_a_second_connection_takes_a_session_over(demos: RunningServer) -> None:
    async def taken() -> tuple[Heard, Heard]:
        first, second = Heard(), Heard()
        async with connect(live_url(demos, language="nb")) as old:
            await listen(old, first, until="ready")
            await say(old, pieces(sample(2)[:RATE].tobytes()))
            session = first.messages[0]["session"]
            async with connect(live_url(demos, session=session)) as new:
                await listen(old, first)
                await listen(new, second, until="ready")
                received = round(second.messages[0]["received"] * RATE)
                await say(new, said(sample(2)[received:]))
                await listen(new, second)
        return first, second

    first, second = asyncio.run(taken())
    assert first.error["code"] == "session_taken"
    assert first.closed == 1008
    assert second.text
    assert second.kinds[-1] == "end"


@pytest.fixture(scope="module")
def narrow(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server for two streams at once, which forgets and gives up soon; the last test stops it."""
    settings = tiny_settings | {
        "LIVE_STREAMS": "2", "LIVE_KEEP_SECONDS": "0.5", "LIVE_IDLE_SECONDS": "1",
    }  # fmt: skip
    running = RunningServer(tmp_path_factory.mktemp("narrow"), settings)
    yield running.wait_ready()
    running.stop()
    assert troubles(running.log) == []


def streams(client: httpx.Client) -> float:
    metrics = client.get("/metrics").text
    [line] = [line for line in metrics.splitlines() if line.startswith("nordlyd_live_streams ")]
    return float(line.split()[1])


@pytest.mark.parametrize("farewell", [True, False])
def test_a_client_that_leaves_makes_room(narrow: RunningServer, farewell: bool) -> None:
    async def crowd(client: httpx.Client) -> tuple[Heard, Heard]:
        async with connect(live_url(narrow)) as one, connect(live_url(narrow)) as other:
            await listen(one, Heard(), until="ready")
            await listen(other, Heard(), until="ready")
            third = await converse(live_url(narrow), [END])
            for socket in (one, other):
                await say(socket, pieces(sample(2).tobytes()))
                await (socket.close() if farewell else vanish(socket))
            await until(lambda: streams(client) == 0)
        return third, await converse(live_url(narrow), [END])

    with narrow.client() as client:
        third, fourth = asyncio.run(crowd(client))
    assert third.error["code"] == "queue_full"
    assert "NORDLYD_LIVE_STREAMS" in third.error["message"]
    assert third.closed == 1013
    assert fourth.kinds == ["ready", "end"]


def test_a_stream_without_audio_is_ended(narrow: RunningServer) -> None:
    heard = refused(narrow, pieces(sample(2).tobytes()))
    # What was said is told first.
    assert heard.kinds[-2:] == ["final", "error"]
    assert heard.error["code"] == "stream_idle"
    assert heard.closed == 1008


def test_a_session_is_kept_only_for_a_while(narrow: RunningServer) -> None:
    async def late(client: httpx.Client) -> Heard:
        async with connect(live_url(narrow)) as socket:
            before = await listen(socket, Heard(), until="ready")
            await vanish(socket)
        await until(lambda: streams(client) == 0)
        return await converse(live_url(narrow, session=before.messages[0]["session"]), [END])

    with narrow.client() as client:
        heard = asyncio.run(late(client))
    assert heard.error["param"] == "session"


def test_a_stopping_server_tells_the_last_words(narrow: RunningServer) -> None:
    async def stopped() -> Heard:
        heard = Heard()
        async with connect(live_url(narrow)) as socket:
            await say(socket, pieces(np.concatenate([silence(0.5), sample(2)]).tobytes()))
            await listen(socket, heard, until="partial")
            narrow.signal_stop()
            # Who goes on speaking is not heard any more, and gets the last words all the same.
            speaking = asyncio.create_task(say(socket, pieces(silence(20).tobytes()), pace=0.02))
            await listen(socket, heard)
            await asyncio.gather(speaking, return_exceptions=True)
            return heard

    heard = asyncio.run(stopped())
    assert heard.kinds[-3:] == ["endpoint", "final", "error"]
    assert heard.error["code"] == "draining"
    assert heard.closed == 1012
    assert narrow.stop() == 0
