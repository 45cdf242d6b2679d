"""A receiver of webhooks on loopback, which verifies each and answers as a test sets it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback_http import http_server
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"
HANG = 0
"""A status that stands for no answer until the receiver stops."""


@dataclass(frozen=True)
class Received:
    """One request, which was verified."""

    method: str
    path: str
    headers: dict[str, str]
    content: Any

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Where it listens, and what it received.

    Attributes:
        statuses: of the answers to each path, one after the other; the last one stays. 200 for
            other paths.
        headers: of every answer.
        errors: requests that could not be verified.
    """

    host: str = "127.0.0.1"
    port: int = 0
    statuses: dict[str, list[int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def rule(self) -> str:
        """What NORDLYD_URL_HOSTS must have for it."""
        return f"internal!http://{self.host}:{self.port}"

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{self.host}:{self.port}{path}"

    def at(self, path: str) -> Sequence[Received]:
        """What a path has received."""
        return [each for each in self.received if each.path == path]

    def wait(self, path: str, number: int = 1, seconds: float = 30.0) -> Sequence[Received]:
        """Waits until a path has received so many requests; returns them."""
        until = time.monotonic() + seconds
        while len(found := self.at(path)) < number:
            assert time.monotonic() < until, f"received {self.received}, errors {self.errors}"
            time.sleep(0.02)
        assert not self.errors
        return found


@contextmanager
def webhook_receiver(
    secret: Callable[[], str] = lambda: SECRET, *, host: str = "127.0.0.1"
) -> Iterator[Receiver]:
    """Receives on a free port of an address what `secret` signs."""
    receiver = Receiver(host)
    handler = type("Handler", (_Handler,), {"receiver": receiver, "secret": staticmethod(secret)})
    with http_server(handler, host) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.stopping.set()


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver
    secret: Callable[[], str]

    def do_POST(self) -> None:
        receiver = self.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        try:
            content = Webhook(self.secret()).verify(body, headers)
        except Exception as error:
            receiver.errors.append(f"{type(error).__name__}: {error}")
            self.send_error(401)
            return
        receiver.received.append(Received(self.command, self.path, headers, content))
        statuses = receiver.statuses.get(self.path, [200])
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if status == HANG:
            receiver.stopping.wait(60)
            return
        self.send_response(status)
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_PUT(self) -> None:
        self.do_POST()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""
