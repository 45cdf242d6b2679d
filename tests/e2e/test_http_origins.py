"""Which hosts, web pages, prefixes and methods a real server answers, on HTTP and WebSockets."""

import base64
import json
import re

import httpx
import pytest
from running import KEY, RunningServer
from test_http_refusals import assert_error
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

APP = "https://app.example.org"
EVIL = "https://evil.example"
BEARER = "Bearer key-0"


def status_of_handshake(url: str, **headers: str) -> int:
    """101 for a WebSocket that opens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with connect(url, additional_headers=named):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def stream_of(server: RunningServer, path: str = "/stream") -> str:
    return server.address.replace("http", "ws", 1) + path


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "10.0.0.1", "127.0.0.1.nip.io"]
)
def test_request_for_another_host_is_refused(client: httpx.Client, host: str) -> None:
    for path in ("/", "/health", "/docs", "/transcribe"):
        answer = client.get(path, headers={"host": host})
        assert "NORDLYD_ALLOWED_HOSTS" in assert_error(
            answer, 403, code="origin_not_allowed", param=None
        )


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.2", "[::1]:80", "nordlyd.localhost"])
def test_every_loopback_name_is_served(client: httpx.Client, host: str) -> None:
    assert client.get("/health/live", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "http://localhost"])
def test_page_of_another_origin_is_refused(
    server: RunningServer, client: httpx.Client, clip, origin: str
) -> None:
    answer = client.post("/transcribe", files={"file": clip()}, headers={"origin": origin})
    assert "NORDLYD_CORS_ORIGINS" in assert_error(
        answer, 403, code="origin_not_allowed", param=None
    )
    assert client.options("/transcribe", headers={"origin": origin}).status_code == 403
    for path in ("/stream", "/v1/realtime"):
        assert status_of_handshake(stream_of(server, path), origin=origin) == 403


def test_page_of_the_service_is_served(server: RunningServer, client: httpx.Client, clip) -> None:
    own = {"origin": server.address}
    assert client.post("/transcribe", content=clip(), headers=own).status_code == 200
    assert status_of_handshake(stream_of(server), **own) == 101
    # Below a proxy that sends another host: its header, or the browser's, has the original host.
    for proxied in ({"x-forwarded-host": "speech.example.org"}, {"sec-fetch-site": "same-origin"}):
        seen = {"origin": "https://speech.example.org", **proxied}
        assert client.post("/transcribe", content=clip(), headers=seen).status_code == 200


def test_allowed_origin_is_served_with_a_key_and_reads_the_headers(
    guarded: RunningServer, clip
) -> None:
    with guarded.client(headers={"origin": APP}) as page:
        preflight_headers = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-stainless-os",
        }
        preflight = page.options("/v1/audio/transcriptions", headers=preflight_headers)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == APP
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        refused = page.post("/transcribe", content=clip())
        assert refused.status_code == 401
        # The page can read why.
        assert refused.headers["access-control-allow-origin"] == APP
        page.headers["authorization"] = BEARER
        answer = page.post("/transcribe", content=clip())
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == APP
        exposed = answer.headers["access-control-expose-headers"]
        assert {"x-request-id", "retry-after", "content-disposition"} <= set(exposed.split(", "))
        page.headers["origin"] = EVIL
        assert page.post("/transcribe", content=clip()).status_code == 403
        assert page.options("/transcribe", headers=preflight_headers).status_code == 403
    url = stream_of(guarded)
    assert status_of_handshake(url, origin=APP, authorization=BEARER) == 101
    assert status_of_handshake(url, origin=EVIL, authorization=BEARER) == 403


def test_vosk_needs_the_same_keys_and_refuses_the_same_origins(guarded: RunningServer) -> None:
    encoded = base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("=")
    port = guarded.vosk
    assert status_of_handshake(port) == 401
    assert status_of_handshake(port, authorization="Bearer wrong") == 401
    assert status_of_handshake(f"{port}/?key=wrong") == 401
    assert status_of_handshake(f"{port}/?key=key-0", origin=EVIL) == 403
    assert status_of_handshake(f"{port}/?key=key-0", host="evil.example") == 403
    assert status_of_handshake(port, authorization=BEARER, origin=APP) == 101
    with connect(f"{port}/?language=da&key=n%C3%B8kkel-1") as connection:
        connection.send('{"eof" : 1}')
        assert json.loads(connection.recv(20)) == {"text": ""}
    with connect(port, subprotocols=["nordlyd", f"nordlyd.key.{encoded}"]) as connection:  # type: ignore[list-item]
        assert connection.subprotocol == "nordlyd"
    with pytest.raises(InvalidStatus) as refused:
        connect(port)
    assert json.loads(refused.value.response.body)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("prefix", ["", "/speech"], ids=["taken off", "left on"])
def test_every_path_is_served_below_the_prefix_of_a_proxy(
    guarded: RunningServer, clip, prefix: str
) -> None:
    with guarded.client() as proxy:
        page = proxy.get(f"{prefix}/")
        assert page.status_code == 200
        # Its addresses are relative.
        assert not re.findall(r'(?:src|href)="/', page.text)
        assert proxy.get(f"{prefix}/web/js/main.js").status_code == 200
        docs = proxy.get(f"{prefix}/docs").text
        assert "'/speech/openapi.json'" in docs
        for source in re.findall(r'(?:src|href)="([^"]+)"', docs):
            assert source.startswith("/speech/")
            assert proxy.get(source).status_code == 200
        document = proxy.get(f"{prefix}/openapi.json").json()
        assert document["servers"] == [{"url": "/speech"}]
        assert proxy.post(f"{prefix}/transcribe", content=clip()).status_code == 401
        proxy.headers["authorization"] = BEARER
        assert proxy.post(f"{prefix}/transcribe", content=clip()).status_code == 200
        assert proxy.get(f"{prefix}/health/").headers["location"].endswith("/speech/health")
    url = stream_of(guarded, f"{prefix}/stream")
    assert status_of_handshake(url) == 401
    assert status_of_handshake(url, authorization=BEARER) == 101


def test_prefix_alone_redirects_to_the_page(guarded: RunningServer) -> None:
    with guarded.client() as proxy:
        assert proxy.get("/speech").headers["location"] == "/speech/"
        assert proxy.get("/speeches/health").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/", "/health", "/health/live", "/health/ready", "/metrics", "/v1/models", "/docs",
        "/openapi.json", "/web/js/main.js", "/progress/none", "/v1/models/tiny-nb",
    ],
)  # fmt: skip
def test_head_is_answered_like_get_without_a_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code
    assert head.status_code != 405
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["x-request-id"]


def test_head_is_refused_on_paths_without_get(client: httpx.Client) -> None:
    answer = client.head("/transcribe")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
