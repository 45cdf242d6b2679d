"""A web server on loopback that behaves well or badly, depending on the path of a request."""

import gzip
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Sent:
    """What was sent to a path by POST or PUT."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebServer:
    """Where it listens, what it serves and which requests it received.

    `files` are answered with as they are, by path; the other paths are those of `_Handler`. What is
    sent to it is accepted and kept in `sent`; `traceparents` has the header of each request.
    """

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    sent: list[Sent] = field(default_factory=list)
    traceparents: list[str | None] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """The address of a path."""
        return f"{scheme}://{host}:{self.port}{path}"

    def sent_to(self, path: str, seconds: float = 60.0) -> Sent:
        """Waits until something was sent to a path."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for sent in list(self.sent):
                if sent.path == path:
                    return sent
            time.sleep(0.02)
        raise AssertionError(f"nothing was sent to {path}: {self.sent}")


@contextmanager
def web_server(
    files: dict[str, bytes] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """Serves on a free port of 127.0.0.1."""
    web = WebServer(files=files or {})
    handler = type("Handler", (_Handler,), {"web": web})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        web.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield web
        finally:
            web.hold.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers by path; `/to?URL` redirects, `/again/N` redirects N times to itself."""

    web: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.web.sent.append(Sent(self.command, self.path, headers, body))
        self._send(b"")

    def do_PUT(self) -> None:
        self.do_POST()

    def do_GET(self) -> None:
        self.web.requests.append((self.path, self.headers["host"]))
        self.web.traceparents.append(self.headers["traceparent"])
        path = urllib.parse.unquote(self.path.partition("?")[0])
        if path in self.web.files:
            self._send(self.web.files[path])
        elif path == "/to":
            self._redirect(urllib.parse.unquote(self.path.partition("?")[2]))
        elif path.startswith("/again/"):
            left = int(path.rpartition("/")[2])
            self._redirect(f"/again/{left - 1}" if left else "/speech.wav")
        elif path == "/declared":
            self._send(b"RIFF", length=10**12)
        elif path == "/endless":
            self._endless()
        elif path == "/cut":
            self._send(b"RIFF" * 100, length=1_000)
        elif path == "/bomb":
            self._send(gzip.compress(bytes(10**7)), encoding="gzip")
        elif path == "/held":
            self.web.hold.wait(20)
            self._send(b"too late")
        elif path == "/garbage":
            self.wfile.write(b"\x00\x01 secret of the inside \r\n\r\n")
        else:
            self._send(b"secret of the inside", status=404)
        self.close_connection = True

    def _send(
        self, body: bytes, *, status: int = 200, length: int | None = None, encoding: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/octet-stream")
        self.send_header("content-length", str(len(body) if length is None else length))
        if encoding:
            self.send_header("content-encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("location", where)
        self.send_header("content-length", "0")
        self.end_headers()

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.web.hold.is_set():
                self.wfile.write(bytes(2**16))
        except OSError:
            self.web.requests.append(("/endless hung up", ""))

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""
