"""API keys and the upload limit, on a real server and real sockets."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from running import KEY, RunningServer
from test_http_refusals import assert_error

OVER = bytes(3 * 2**20)


def bearer(key: str) -> dict[str, str]:
    # A header is bytes; httpx writes text as ASCII.
    return {"authorization": b"Bearer " + key.encode()}  # type: ignore[dict-item]


@pytest.fixture
def keyed(guarded: RunningServer) -> Iterator[httpx.Client]:
    with guarded.client(headers=bearer(KEY)) as connected:
        yield connected


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Bearer key-00", "Basic key-0"])
def test_request_without_an_accepted_key_is_refused(
    guarded: RunningServer, clip, given: str | None
) -> None:
    headers = {} if given is None else {"authorization": given}
    with guarded.client(headers=headers) as client:
        answer = client.post("/transcribe", files={"file": clip()})
        assert_error(answer, 401, code="invalid_api_key", param=None)
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["x-request-id"]


@pytest.mark.parametrize("key", ["key-0", KEY])
def test_request_with_any_accepted_key_is_served(guarded: RunningServer, clip, key: str) -> None:
    with guarded.client(headers=bearer(key)) as client:
        assert client.post("/transcribe", files={"file": clip()}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"]
)
def test_health_metrics_and_documentation_need_no_key(guarded: RunningServer, path: str) -> None:
    with guarded.client() as client:
        assert client.get(path).status_code == 200


def test_documentation_loads_nothing_from_other_hosts(guarded: RunningServer) -> None:
    with guarded.client() as client:
        page = client.get("/docs").text
        sources = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(sources) >= 3
        for source in sources:
            assert source.startswith("/")
            assert client.get(source).status_code == 200


def test_long_upload_without_a_key_gets_its_401(guarded: RunningServer) -> None:
    with guarded.client() as client:
        assert client.post("/transcribe", content=OVER).status_code == 401


@pytest.mark.parametrize("form", [True, False])
def test_upload_over_the_limit_is_413(keyed: httpx.Client, clip, form: bool) -> None:
    body = {"files": {"file": OVER}} if form else {"content": OVER}
    answer = keyed.post("/transcribe", **body)
    message = assert_error(answer, 413, code="too_large", param=None)
    assert "limit of 1 MiB" in message
    assert answer.headers["connection"] == "close"
    assert keyed.post("/transcribe", files={"file": clip()}).status_code == 200


def test_body_of_undeclared_length_is_refused_at_the_limit(keyed: httpx.Client, clip) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 2**18
            yield bytes(2**18)

    answer = keyed.post("/transcribe", content=endless())
    assert_error(answer, 413, code="too_large", param=None)
    assert keyed.post("/transcribe", files={"file": clip()}).status_code == 200


def test_declared_length_over_the_limit_is_refused_before_the_body(
    guarded: RunningServer,
) -> None:
    url = httpx.URL(guarded.address)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(
            b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key-0\r\n"
            b"Content-Type: audio/wav\r\nContent-Length: 99999999999\r\n\r\n"
        )
        # Not a byte of the body was sent.
        answer = b""
        while not answer.endswith(b"}}"):
            answer += connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert b'"code":"too_large"' in answer


def test_expect_100_continue_is_refused_before_the_body_is_sent(guarded: RunningServer) -> None:
    url = httpx.URL(guarded.address)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(
            b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key-0\r\n"
            b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
