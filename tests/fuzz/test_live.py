"""Any messages of live clients are answered or refused in the form of their protocol."""

import io
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_clients import REALTIME, STREAM, VOSK, Audio, Protocol, speech
from running import RunningServer, live_streams
from troubles import troubles
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from wyoming.event import Event, read_event

BOUNDED = settings(
    max_examples=examples(40), deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SECONDS = 30
PARTING = st.sampled_from(["end", "close", "drop"])
Parting = Literal["end", "close", "drop"]


@pytest.fixture(autouse=True)
def streams_are_closed(server: RunningServer, client: httpx.Client) -> Iterator[None]:
    """After each test no stream is open, and the server is ready."""
    yield
    until = time.monotonic() + SECONDS
    while live_streams(client) and time.monotonic() < until:
        time.sleep(0.1)
    assert live_streams(client) == 0
    assert client.get("/health/ready").status_code == 200
    assert troubles(server.log) == []


def converse(
    url: str,
    headers: dict[str, str],
    dialect: Protocol,
    messages: list[str | bytes],
    parting: Parting,
) -> None:
    """Sends all messages. Every answer must be a JSON object, and every close code a proper one."""
    if parting == "end":
        messages = [*messages, json.dumps(dialect.end_message or dialect.meant[0])]
    try:
        with connect(url, additional_headers=headers, max_queue=None, compression=None) as talk:
            send_all(talk, messages, parting)
            if parting == "end":
                read_to_the_end(talk, answered=dialect.end_message is None)
    except InvalidStatus as refusal:
        assert 400 <= refusal.response.status_code < 500  # noqa: PT017 - others are right too


def send_all(talk: ClientConnection, messages: list[str | bytes], parting: Parting) -> None:
    """Sends until all is sent or the server has closed the connection."""
    with suppress(ConnectionClosed):
        for message in messages:
            talk.send(message)
        if parting == "close":
            talk.close()
        if parting == "drop":
            talk.close_socket()


def read_to_the_end(talk: ClientConnection, *, answered: bool) -> None:
    """Reads until the server closes, or to its first answer where no message ends the protocol."""
    with suppress(ConnectionClosed):
        while True:
            answer = json.loads(talk.recv(timeout=SECONDS))
            assert isinstance(answer, dict)
            if answered and answer["type"] == "session.updated":
                talk.close()
    assert talk.close_code in {1000, 1002, 1007, 1008, 1009}, talk.close_reason


def url_of(server: RunningServer, path: str, query: dict[str, str]) -> str:
    return f"{server.address.replace('http', 'ws')}{path}?{urlencode(query)}"


@BOUNDED
@given(STREAM.query(), STREAM.messages(), PARTING)
def test_native_stream_answers_or_refuses_any_messages(
    server: RunningServer,
    authorised: dict[str, str],
    query: dict[str, str],
    messages: list[str | bytes],
    parting: Parting,
) -> None:
    converse(url_of(server, "/stream", query), authorised, STREAM, messages, parting)


@BOUNDED
@given(REALTIME.query(), REALTIME.messages(), PARTING)
def test_openai_realtime_answers_or_refuses_any_messages(
    server: RunningServer,
    authorised: dict[str, str],
    query: dict[str, str],
    messages: list[str | bytes],
    parting: Parting,
) -> None:
    parameters = {"intent": "transcription"} | query
    converse(url_of(server, "/v1/realtime", parameters), authorised, REALTIME, messages, parting)


@BOUNDED
@given(VOSK.query(), VOSK.messages(), PARTING)
def test_vosk_answers_or_refuses_any_messages(
    server: RunningServer, query: dict[str, str], messages: list[str | bytes], parting: Parting
) -> None:
    converse(f"{server.vosk}/?{urlencode(query)}", {}, VOSK, messages, parting)


def event(kind: str, payload: bytes | None = None, **data: object) -> bytes:
    written = io.BytesIO()
    body = json.dumps(data).encode() if data else b""
    head: dict[str, object] = {"type": kind, "version": "1.10.0"}
    if body:
        head["data_length"] = len(body)
    if payload:
        head["payload_length"] = len(payload)
    written.write(json.dumps(head).encode() + b"\n" + body + (payload or b""))
    return Audio(written.getvalue()) if payload else written.getvalue()


FORMAT = {"rate": 16_000, "width": 2, "channels": 1}
MEANT = (
    event("describe"),
    event("ping", text="her"),
    event("transcribe", language="nb", name="tiny-nb"),
    event("transcribe", language="fi"),
    event("audio-start", **FORMAT),
    event("audio-chunk", speech(), **FORMAT),
    event("audio-chunk", b"\x00" * 3_001, rate=44_100, width=2, channels=2),
    event("audio-stop"),
)
FIELDS = ("type", "data", "data_length", "payload_length", "version")
HEAD = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(max_size=6),
    st.sampled_from(["audio-chunk", "transcribe", {"rate": "x"}, 5, -1, 10**12, None, [], True]),
).map(lambda head: json.dumps(head).encode() + b"\n")


@BOUNDED
@given(
    st.lists(
        st.one_of(st.sampled_from(MEANT), st.sampled_from(MEANT), HEAD, st.binary()), max_size=8
    ),
    st.sampled_from([None, 3, 40]),
    st.booleans(),
)
def test_wyoming_answers_or_refuses_any_messages(
    server: RunningServer, parts: list[bytes], cut: int | None, polite: bool
) -> None:
    where = urlsplit(server.wyoming)
    sent = b"".join(parts)
    with socket.create_connection((where.hostname, where.port), timeout=SECONDS) as connection:
        answered = bytearray()
        with suppress(OSError):
            connection.sendall(sent[:-cut] if cut else sent)
            if not polite:
                return
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65_536):
                answered += received
        for answer in events(bytes(answered)):
            assert re.fullmatch(r"info|pong|error|transcript(-start|-chunk|-stop)?", answer.type)


def events(data: bytes) -> list[Event]:
    stream = io.BytesIO(data)
    found: list[Event] = []
    while answer := read_event(stream):
        found.append(answer)
    return found
