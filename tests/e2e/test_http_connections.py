"""Connections that only hold resources, on raw sockets: limits end them; health still answers."""

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest
from running import RunningServer, wait_until_idle

pytestmark = pytest.mark.long

HEAD = b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\n"
DESCRIPTORS = 256


@pytest.fixture(scope="module")
def strict(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with few descriptors and short timeouts."""
    settings = tiny_settings | {
        "MAX_HEADER_KB": "16", "HEADER_SECONDS": "1.5", "KEEP_ALIVE_SECONDS": "2",
        "UPLOAD_IDLE_SECONDS": "1", "UPLOAD_MIN_RATE": "1000", "DRAIN_SECONDS": "2",
        # However slow the machine is, none is refused for the time that it would wait.
        "MAX_WAIT_SECONDS": "3600",
    }  # fmt: skip
    running = RunningServer(tmp_path_factory.mktemp("strict"), settings, descriptors=DESCRIPTORS)
    yield running.wait_ready()
    assert running.stop() == 0
    assert "Traceback" not in running.log.read_text()


@pytest.fixture
def waiting(strict: RunningServer) -> Iterator[httpx.Client]:
    with strict.client() as client:
        yield client


def connect(server: RunningServer) -> socket.socket:
    url = httpx.URL(server.address)
    return socket.create_connection((url.host, url.port), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    """Everything received until the server closes."""
    answer = b""
    try:
        while part := connection.recv(2**16):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def refusal(answer: bytes) -> tuple[int, str]:
    """The status and the code of an error."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert b"x-request-id: " in head
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def memory(server: RunningServer) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD + b"x-long: ", b"x" * 2**16),
        (HEAD, b"x: y\r\n" * 2**13),
        (b"GET /", b"x" * 2**16),
        (b"", b"\r\n" * 2**15),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 2**13),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1;", b"x" * 2**16),
    ],
    ids=["one header", "headers", "path", "line breaks", "trailers", "chunk extension"],
)
def test_endless_head_is_refused_without_taking_memory(
    strict: RunningServer, waiting: httpx.Client, start: bytes, piece: bytes
) -> None:
    waiting.get("/health")
    before = memory(strict)
    sent = 0
    with connect(strict) as connection:
        connection.sendall(start)
        try:
            for _ in range(800):
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        assert sent < 2**23
    assert waiting.get("/health/ready").status_code == 200
    assert memory(strict) - before < 2**24


def test_head_over_the_limit_is_431(strict: RunningServer) -> None:
    with connect(strict) as connection:
        connection.sendall(HEAD + b"x: " + b"y" * 2**14 + b"\r\n\r\n")
        assert refusal(read_all(connection)) == (431, "header_too_large")


def test_silent_connection_is_closed(strict: RunningServer) -> None:
    started = time.monotonic()
    with connect(strict) as connection:
        assert read_all(connection) == b""
    assert time.monotonic() - started < 15


def test_slow_head_is_408(strict: RunningServer) -> None:
    with connect(strict) as connection:
        connection.sendall(HEAD)
        for _ in range(4):
            time.sleep(0.2)
            connection.sendall(b"x: y\r\n")
        assert refusal(read_all(connection)) == (408, "request_timeout")


def test_kept_connection_is_closed_after_the_idle_time(strict: RunningServer) -> None:
    with connect(strict) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_all(connection).endswith(b'{"status":"live"}')


@pytest.mark.parametrize("pause", [0.1, 30.0], ids=["dripping", "silent"])
def test_slow_body_is_408(strict: RunningServer, waiting: httpx.Client, pause: float) -> None:
    with connect(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\nxxxx")
        connection.settimeout(pause)
        answer = b""
        while not answer:
            try:
                answer = connection.recv(2**16)
            except TimeoutError:
                connection.sendall(b"x")
        connection.settimeout(20)
        assert refusal(answer + read_all(connection)) == (408, "request_timeout")
    wait_until_idle(waiting)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (b"/v1/listen", 422, "ASR_UNPROCESSABLE_ENTITY"),
        (b"/v1/audio/transcriptions", 408, "request_timeout"),
    ],
)
def test_slow_body_of_a_compatible_route_is_refused_in_its_own_form(
    strict: RunningServer, path: bytes, status: int, code: str
) -> None:
    with connect(strict) as connection:
        head = HEAD.replace(b"/transcribe", path)
        if path != b"/v1/listen":
            head += b"Content-Type: multipart/form-data; boundary=b\r\n"
        connection.sendall(head + b"Content-Length: 100000\r\n\r\nxxxx")
        answer = read_all(connection)
    assert int(answer.split()[1]) == status
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    if path == b"/v1/listen":
        assert body["err_code"] == code
        assert body["error"]["code"] == "request_timeout"
        assert f"x-request-id: {body['request_id']}".encode() in answer
    else:
        assert body["error"]["code"] == code


def test_slow_head_after_a_compatible_request_is_refused_in_the_native_form(
    strict: RunningServer,
) -> None:
    with connect(strict) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(2**16).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /v1/mo")
        answer = read_all(connection)
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert (error["type"], error["code"]) == ("timeout_error", "request_timeout")


def test_body_at_the_minimum_rate_is_accepted(strict: RunningServer, clip) -> None:
    wav = clip()
    with connect(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(wav))
        for start in range(0, len(wav), 2**13):
            connection.sendall(wav[start : start + 2**13])
            time.sleep(0.4)
        assert connection.recv(2**16).startswith(b"HTTP/1.1 200")


def read_answer(connection: socket.socket, status: int, ending: bytes) -> bytes:
    """The head of an answer, once its body has come to the end."""
    answer = b""
    while not answer.endswith(ending):
        answer += connection.recv(2**16)
    assert answer.startswith(b"HTTP/1.1 %d" % status)
    return answer.partition(b"\r\n\r\n")[0]


EARLY = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + b"x" * 10


def test_connection_is_kept_after_an_answer_before_the_end_of_a_short_body(
    strict: RunningServer,
) -> None:
    with connect(strict) as connection:
        for _ in range(2):
            connection.sendall(EARLY)
            assert b"connection: close" not in read_answer(connection, 404, b"}}")
            time.sleep(0.2)
            connection.sendall(b"x" * 990 + b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_answer(connection, 200, b'"}')
            # NORDLYD_HEADER_SECONDS of the first request are over.
            time.sleep(1.6)


def test_request_behind_the_rest_of_a_refused_body_may_take_longer_than_the_idle_time(
    strict: RunningServer, clip: Callable[..., bytes]
) -> None:
    audio = clip(0, 1.0)
    head = f"Content-Type: audio/wav\r\nContent-Length: {len(audio)}\r\n\r\n".encode()
    with connect(strict) as connection:
        connection.sendall(EARLY)
        read_answer(connection, 404, b"}}")
        connection.sendall(b"x" * 990 + HEAD + head)
        for at in range(0, len(audio), len(audio) // 9):
            connection.sendall(audio[at : at + len(audio) // 9])
            time.sleep(0.3)
        assert connection.recv(2**16).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("rest", [b"", b"x", b"x" * 990], ids=["none", "dripping", "whole"])
def test_connection_is_closed_where_nothing_follows_an_early_answer(
    strict: RunningServer, rest: bytes
) -> None:
    with connect(strict) as connection:
        connection.sendall(EARLY)
        read_answer(connection, 404, b"}}")
        start = time.monotonic()
        connection.settimeout(0.3)
        while time.monotonic() - start < 10:
            try:
                connection.sendall(rest)
                if len(rest) > 1:
                    rest = b""
                answer = connection.recv(2**16)
                assert not answer
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert time.monotonic() - start < 6


def test_deadline_includes_the_upload(strict: RunningServer) -> None:
    for line, target in ((b"x-request-timeout: 0.5\r\n", b""), (b"", b"?timeout=0.5")):
        head = HEAD.replace(b"/transcribe", b"/transcribe" + target)
        started = time.monotonic()
        with connect(strict) as connection:
            connection.sendall(head + line + b"Content-Length: 100000\r\n\r\n" + b"x" * 5_000)
            answer = connection.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 504"), answer
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"Content-Length: 9999\r\n\r\nx"])
def test_health_answers_beside_three_hundred_connections(
    strict: RunningServer, sent: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            connection = stack.enter_context(connect(strict))
            if sent:
                try:
                    connection.sendall(sent)
                except OSError:
                    continue
        started = time.monotonic()
        with strict.client() as client:
            assert client.get("/health/ready").status_code == 200
            assert client.get("/metrics").status_code == 200
        assert time.monotonic() - started < 10
        assert psutil.Process(strict.process.pid).num_fds() < DESCRIPTORS


def test_request_beyond_the_connection_limit_is_503_with_retry_after(strict: RunningServer) -> None:
    busy = HEAD + b"Content-Length: 9999\r\n\r\n" + b"x" * 5_000
    with ExitStack() as stack:
        answers = set()
        for _ in range(70):
            connection = stack.enter_context(connect(strict))
            connection.sendall(busy)
        with strict.client() as client:
            answer = client.get("/v1/models")
            answers.add((answer.status_code, answer.json()["error"]["code"]))
            assert "retry-after" in answer.headers
        assert answers == {(503, "connections")}


def test_stop_amid_fifty_slow_uploads_is_clean_and_in_time(strict: RunningServer) -> None:
    """The last one: it ends the server."""
    with ExitStack() as stack:
        uploads = [stack.enter_context(connect(strict)) for _ in range(50)]
        for upload in uploads:
            upload.sendall(HEAD + b"Content-Length: 9999999\r\n\r\n" + b"x" * 2_000)
        with strict.client() as client:
            while "nordlyd_connections 51.0" not in client.get("/metrics").text:
                time.sleep(0.05)
        strict.signal_stop()
        started = time.monotonic()
        answers: list[bytes] = []
        while uploads and time.monotonic() - started < 30:
            answered, _, _ = select.select(uploads, [], [], 0.1)
            answers += [read_all(upload) for upload in answered]
            uploads = [upload for upload in uploads if upload not in answered]
            for upload in uploads:
                upload.sendall(b"x" * 1_000)
        assert strict.process.wait(30) == 0
        # NORDLYD_DRAIN_SECONDS is 2.
        assert time.monotonic() - started < 2 + 5
    assert len(answers) == 50
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 503")
        assert b'"code":"draining"' in answer
    assert "Traceback" not in strict.log.read_text()
    assert "Cancel" not in strict.log.read_text()
