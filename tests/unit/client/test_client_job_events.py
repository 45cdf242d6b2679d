"""The events of a job through connections that break."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nordlyd_client import AsyncClient, Client, JobEvent, RefusedError, Retries, UnreachableError
from nordlyd_client.contract.jobs import Job, JobStatus

JOB = "job_1"
AT_ONCE = Retries(attempts=3, first_wait=0.0)


def line_of(number: int, status: JobStatus) -> str:
    job = Job(id=JOB, status=status, created_at=datetime.now(UTC), model="demo-nb", language="nb")
    event = JobEvent(id=number, event="status", job=job)
    return f"id: {number}\nevent: status\ndata: {event.model_dump_json()}\n\n"


@contextmanager
def event_server(*bodies: str) -> Iterator[tuple[str, list[str | None]]]:
    """Answers each request with the next body, and keeps what Last-Event-ID was; then with 404."""
    left, received = list(bodies), list[str | None]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.append(self.headers["last-event-id"])
            self.send_response(200 if left else 404)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            if left:
                self.wfile.write(left.pop(0).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", received
        finally:
            server.shutdown()


def called(url: str) -> list[int]:
    with Client(url, retries=AT_ONCE) as client:
        return [event.id for event in client.jobs.events(JOB)]


def awaited(url: str) -> list[int]:
    async def run() -> list[int]:
        async with AsyncClient(url, retries=AT_ONCE) as client:
            return [event.id async for event in client.jobs.events(JOB)]

    return asyncio.run(run())


@pytest.mark.parametrize("events", [called, awaited])
def test_broken_stream_continues_after_its_last_whole_event(events: object) -> None:
    whole, half = line_of(4, "queued"), line_of(5, "processing")[:-20]
    rest = ": keep-alive\n\n" + line_of(5, "processing") + line_of(9, "completed")
    with event_server(whole + half, rest) as (url, received):
        assert events(url) == [4, 5, 9]  # type: ignore[operator]
    assert received == [None, "4"]


@pytest.mark.parametrize("events", [called, awaited])
def test_events_of_no_job_are_refused(events: object) -> None:
    with event_server() as (url, _), pytest.raises(RefusedError):
        events(url)  # type: ignore[operator]


@pytest.mark.parametrize("events", [called, awaited])
def test_server_that_never_ends_the_job_is_given_up_after_the_attempts(events: object) -> None:
    with event_server("", "", "", "") as (url, received), pytest.raises(UnreachableError):
        events(url)  # type: ignore[operator]
    assert len(received) == AT_ONCE.attempts
