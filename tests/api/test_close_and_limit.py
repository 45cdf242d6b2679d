"""The middleware that closes connections and limits bodies, one ASGI message at a time."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.middleware import LingeringClose, UploadLimit
from app.errors import TooLargeError


def scope_of(**headers: str) -> Scope:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/", "headers": raw, "query_string": b""}


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def call(
    app: ASGIApp, scope: Scope, messages: Sequence[Message]
) -> tuple[list[Message], int]:
    """What the app sends, and how many of the messages it took."""
    sent: list[Message] = []
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent, len(messages) - len(waiting)


async def early(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no", status_code=413)(scope, receive, send)


async def patient(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).body()
    await PlainTextResponse("yes")(scope, receive, send)


def headers_of(start: Message) -> dict[bytes, bytes]:
    return dict(start["headers"])


def test_early_response_is_sent_whole_before_the_rest_is_discarded() -> None:
    parts = [part(b"x", more=True)] * 5 + [part(b"x", more=False)]
    sent, taken = asyncio.run(
        call(
            LingeringClose(early, cut_off=asyncio.Event()),
            scope_of(content_length="9999999"),
            parts,
        )
    )
    assert [message["type"] for message in sent] == ["http.response.start"] + [
        "http.response.body"
    ] * 2
    assert headers_of(sent[0])[b"connection"] == b"close"
    assert (sent[1]["body"], sent[1]["more_body"]) == (b"no", True)
    assert (sent[2]["body"], sent[2]["more_body"]) == (b"", False)
    assert taken == 6


def test_response_before_the_end_of_a_short_body_keeps_the_connection() -> None:
    app = LingeringClose(early, cut_off=asyncio.Event())
    sent, taken = asyncio.run(call(app, scope_of(content_length="6"), [part(b"x", more=True)]))
    assert b"connection" not in headers_of(sent[0])
    assert (sent[-1]["body"], taken) == (b"no", 0)
    # Whose client sends it only if it is asked to.
    waiting = scope_of(content_length="6", expect="100-continue")
    sent, _ = asyncio.run(call(app, waiting, [part(b"x", more=False)]))
    assert headers_of(sent[0])[b"connection"] == b"close"


def test_discarding_ends_when_the_client_is_gone_or_silent() -> None:
    gone: Message = {"type": "http.disconnect"}
    for messages in ([part(b"x", more=True), gone], [part(b"x", more=True)]):
        app = LingeringClose(early, cut_off=asyncio.Event(), seconds=0.05)
        sent, _ = asyncio.run(call(app, scope_of(transfer_encoding="chunked"), messages))
        assert sent[-1]["more_body"] is False


def test_response_after_the_body_keeps_the_connection() -> None:
    for scope in (scope_of(content_length="2"), scope_of()):
        sent, _ = asyncio.run(
            call(LingeringClose(patient, cut_off=asyncio.Event()), scope, [part(b"ab", more=False)])
        )
        assert b"connection" not in headers_of(sent[0])
        assert len(sent) == 2


def test_declared_length_over_the_limit_is_refused_unread() -> None:
    taken = 0

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Message:
            nonlocal taken
            taken += 1
            return await receive()

        await UploadLimit(patient, limit=10, cut_off=asyncio.Event())(scope, counted, send)

    with pytest.raises(TooLargeError, match="over the limit"):
        asyncio.run(call(counting, scope_of(content_length="11"), [part(b"x" * 11, more=False)]))
    assert taken == 0


@pytest.mark.parametrize(("sizes", "fits"), [([5, 5], True), ([5, 5, 1], False), ([11], False)])
def test_body_size_is_counted_over_all_chunks(sizes: list[int], fits: bool) -> None:
    parts = [part(b"x" * size, more=True) for size in sizes] + [part(b"", more=False)]
    run = call(
        UploadLimit(patient, limit=10, cut_off=asyncio.Event()),
        scope_of(transfer_encoding="chunked"),
        parts,
    )
    if fits:
        sent, _ = asyncio.run(run)
        assert sent[-1]["body"] == b"yes"
    else:
        with pytest.raises(TooLargeError):
            asyncio.run(run)
