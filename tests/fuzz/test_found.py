"""Regressions: requests that fuzzing found to fail."""

import json
import socket
import struct
import time
from urllib.parse import urlsplit

import httpx
import pytest
from live_clients import speech
from running import RunningServer
from troubles import troubles
from websockets.sync.client import connect

from app.formats import FORMATS

FORMAT = {"rate": 16_000, "width": 2, "channels": 1}


@pytest.mark.parametrize("kind", [[], {}, None, 1])
def test_unknown_stream_command_is_refused_by_name(
    server: RunningServer, authorised: dict[str, str], kind: object
) -> None:
    url = f"{server.address.replace('http', 'ws')}/stream?language=nb"
    with connect(url, additional_headers=authorised) as talk:
        assert json.loads(talk.recv(30))["type"] == "ready"
        talk.send(json.dumps({"type": kind}))
        assert json.loads(talk.recv(30))["error"]["code"] == "invalid_request"
        talk.wait_closed()
    assert talk.close_code == 1008


@pytest.mark.parametrize(("seconds", "status"), [(1e7, 200), (1e308, 400)])
def test_extreme_times_are_rendered_or_refused(
    client: httpx.Client, seconds: float, status: int
) -> None:
    words = [{"word": "hei", "start": 0, "end": seconds}]
    for name in FORMATS[1:]:
        answer = client.post(
            "/render",
            json={"words": words, "duration": seconds},
            params={"response_format": name},
        )
        assert answer.status_code == status, (name, answer.text)


def test_disconnect_during_a_send_is_not_logged_as_a_failure(
    server: RunningServer, authorised: dict[str, str]
) -> None:
    where = urlsplit(server.wyoming)
    audio = speech(seconds=2.0)
    head = {"type": "audio-chunk", "data": FORMAT, "payload_length": len(audio)}
    request = json.dumps(head).encode() + b"\n" + audio + b"no event\n"
    for attempt in range(60):
        with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
            # With this, closing does not wait for anything that was sent.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(request)
            # At any moment of what the server does with it.
            time.sleep(attempt / 10_000)
    url = f"{server.address.replace('http', 'ws')}/stream?language=nb"
    for _ in range(20):
        with connect(url, additional_headers=authorised) as talk:
            talk.send(speech(seconds=0.2))
            talk.send("[]")
            talk.close_socket()
    with connect(url, additional_headers=authorised) as talk:
        assert json.loads(talk.recv(30))["type"] == "ready"
    assert troubles(server.log) == []
