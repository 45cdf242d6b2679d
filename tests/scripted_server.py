"""A real HTTP server on loopback that gives the answers of a test and keeps the requests."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEALTH = {
    "version": "0.1.0", "state": "ready", "reason": None, "models": [],
    "queue": {"seconds": 0.0, "limit_seconds": 60.0},
}  # fmt: skip


@dataclass
class Answer:
    """One answer; without a status the connection is closed instead."""

    status: int | None = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def error(status: int, code: str = "some_code", **headers: str) -> Answer:
    """An error in Nordlyd's form."""
    detail = {"message": "No.", "type": "some_type", "param": "field", "code": code}
    return Answer(
        status,
        json.dumps({"error": detail}),
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


def transcription(text: str = "ja") -> Answer:
    """An answer to POST /transcribe of one word."""
    word = {"word": text, "start": 0.1, "end": 0.4, "confidence": 0.9}
    segment = {"id": 0, "start": 0.1, "end": 0.4, "text": text, "confidence": 0.9}
    timing = dict.fromkeys(
        ("queue", "decode_audio", "encode", "decode_text", "real_time_factor"), 0.01
    )
    body = {
        "text": text, "words": [word], "segments": [segment], "confidence": 0.9,
        "language": "nb", "model": "scripted", "duration": 1.0, "decoder": "greedy", "lm": None,
        "timing": timing, "request_id": "r-1",
    }  # fmt: skip
    return Answer(200, json.dumps(body))


@dataclass
class Scripted:
    """Its address, and the path and the body of each POST and PUT."""

    url: str
    requests: list[tuple[str, bytes]] = field(default_factory=list)


@contextmanager
def scripted_server(answer: Callable[[int, bytes], Answer]) -> Iterator[Scripted]:
    """Serves; `answer` is given the number of the POST or PUT, from 0, and its body."""
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(Answer(200, json.dumps(HEALTH)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with counting:
                number = len(scripted.requests)
                scripted.requests.append((self.path, body))
            self._send(answer(number, body))

        def do_PUT(self) -> None:
            self.do_POST()

        def _send(self, given: Answer) -> None:
            if given.status is None:
                self.close_connection = True
                return
            content = given.body.encode()
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        scripted = Scripted(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()


def answers(*given: Answer) -> Callable[[int, bytes], Answer]:
    """One after the other; the last one again and again."""
    return lambda number, _: given[min(number, len(given) - 1)]
