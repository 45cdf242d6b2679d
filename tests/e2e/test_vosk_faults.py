"""Vosk's port where something is wrong: messages, limits, lost connections."""

import json
import socket
import time
from contextlib import ExitStack

import pytest
from running import RunningServer, live_streams
from vosk_client import EOF, speech, talk
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


@pytest.mark.parametrize(
    ("path", "message", "expected"),
    [
        ("", "hallo", "accepted: {\"config\": {…}}, {\"eof\": 1} or {\"reset\": 1}"),
        ("", "[1, 2]", "accepted: {\"config\""),
        ("", '{"eof" : 0}', "accepted: {\"config\""),
        ("", '{"config" : 16000}', "accepted: {\"config\""),
        ("", '{"config": {"sample_rate": "fast"}}', "accepted: a whole number"),
        ("", '{"config": {"sample_rate": 7}}', "7"),
        ("", '{"config": {"sample_rate": 1e999}}', "accepted: a whole number"),
        ("", '{"config": {"max_alternatives": -1}}', "accepted: a whole number"),
        ("", '{"config": {"words": "yes"}}', "accepted: true or false"),
        ("", '{"config": {"phrase_list": "one two"}}', "accepted: a list"),
        ("", '{"config": {"language": "sv"}}', "served: nb"),
        ("/?language=sv", None, "served: nb"),
        ("/?model=demo-sv", None, "loaded: demo-nb, demo-da"),
        ("/?lang=da", None, "accepted: language and model"),
    ],
)  # fmt: skip
def test_wrong_message_is_an_error_and_the_next_client_is_served(
    demos: RunningServer, path: str, message: str | None, expected: str
) -> None:
    with connect(f"{demos.vosk}{path}") as connection:
        if message is not None:
            connection.send(message)
        error = json.loads(connection.recv(60))["error"]
        assert expected in error["message"]
        assert list(error) == ["message", "type", "param", "code"]
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert closed.value.rcvd.code == 1008
    assert error["message"].startswith(closed.value.rcvd.reason[:40])
    with connect(demos.vosk) as connection:
        assert talk(connection, [bytes(1_600), EOF])[-1] == '{"text": ""}'


def test_message_over_1_mib_is_refused(demos: RunningServer) -> None:
    with connect(demos.vosk) as connection:
        connection.send(bytes(2**20))
        assert connection.recv(60) == '{\n  "partial" : ""\n}'
        connection.send(bytes(2**20 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert closed.value.rcvd.code == 1009


def test_client_that_disconnects_frees_its_stream(demos: RunningServer) -> None:
    with demos.client() as client:
        before = live_streams(client)
        with ExitStack() as opened:
            connections = [opened.enter_context(connect(demos.vosk)) for _ in range(3)]
            for connection in connections:
                connection.send(speech().tobytes())
                connection.recv(60)
            assert live_streams(client) == before + len(connections)
            connections[0].close()
            for connection in connections[1:]:
                # As when the program at the other end is killed.
                connection.socket.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + 30
        while live_streams(client) > before and time.monotonic() < end:
            time.sleep(0.02)
        assert live_streams(client) == before
