"""ASGI middleware that decompresses request bodies within the upload limit."""

import asyncio
import zlib
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ContentEncodingError, InvalidRequestError, TooLargeError

ACCEPTED = ("gzip", "deflate")
_NAMES = {"x-gzip": "gzip"}
_PIECE_BYTES = 2**18
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class ContentDecoding:
    """Decodes bodies with `Content-Encoding` as they arrive, a piece at a time.

    Args:
        app: what is inside.
        limit: bytes that a body may have once decoded.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection scope."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        named = ",".join(Headers(scope=scope).getlist("content-encoding")).lower().split(",")
        codings = [name.strip() for name in named if name.strip() not in {"", "identity"}]
        if not codings:
            await self.app(scope, receive, send)
            return
        body = _DecodedBody(codings, receive, self.limit)
        await self.app(scope, body.receive, send)


class _DecodedBody:
    """The messages of one body, decoded; errors are raised where the route reads the body."""

    def __init__(self, codings: list[str], receive: Receive, limit: int) -> None:
        self._codings = [_NAMES.get(name, name) for name in codings]
        self._receive = receive
        self._limit = limit
        self._inflater = _Inflater(self._codings[0])
        self._more = True
        self._size = 0

    async def receive(self) -> Message:
        if len(self._codings) > 1 or self._codings[0] not in ACCEPTED:
            raise ContentEncodingError(
                f"The body is encoded as {', '.join(self._codings)!r}; accepted: one of "
                f"{', '.join(ACCEPTED)}, or none."
            )
        while not (piece := self._inflater.next_piece()):
            if not self._more:
                self._inflater.check_ended()
                # Also passes on the disconnect, which comes after the body.
                return await self._last()
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._more = message.get("more_body", False)
            self._inflater.feed(message.get("body", b""))
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLargeError(
                f"The upload is over the limit of {self._limit / 2**20:g} MiB once it is "
                f"decompressed (NORDLYD_MAX_UPLOAD_MB)."
            )
        # A small input may decode to many pieces: other tasks run between them.
        await asyncio.sleep(0)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def _last(self) -> Message:
        if self._inflater.reported:
            return await self._receive()
        self._inflater.reported = True
        return {"type": "http.request", "body": b"", "more_body": False}


class _Inflater:
    """Decompresses one body; `reported` is whether its end was passed on."""

    def __init__(self, coding: str) -> None:
        self.reported = False
        self._coding = coding
        self._waiting = b""
        self._inflate: Any = None

    def feed(self, data: bytes) -> None:
        self._waiting += data

    def next_piece(self) -> bytes:
        """Returns some decoded bytes; empty where more has to be fed first."""
        while self._inflate is not None or self._begin():
            try:
                piece: bytes = self._inflate.decompress(self._waiting, _PIECE_BYTES)
            except zlib.error:
                raise InvalidRequestError(
                    f"The body is not {self._coding}, which its content encoding declares."
                ) from None
            self._waiting = self._inflate.unconsumed_tail
            if self._inflate.eof:
                # A gzip file may consist of several members, and end with zeros.
                self._waiting = self._inflate.unused_data.lstrip(b"\0")
                self._inflate = None
            if piece or not self._waiting:
                return piece
        return b""

    def check_ended(self) -> None:
        """Raises InvalidRequestError for a body that is cut short."""
        if self._inflate is not None or self._waiting:
            raise InvalidRequestError(f"The body is cut short: its {self._coding} has no end.")

    def _begin(self) -> bool:
        if len(self._waiting) < 2:  # noqa: PLR2004 - bytes that distinguish zlib from raw deflate
            return False
        if self._coding == "gzip":
            window = _GZIP
        else:
            first, second = self._waiting[:2]
            is_zlib = first & 0x0F == zlib.DEFLATED and (first * 256 + second) % 31 == 0
            window = _ZLIB if is_zlib else _RAW
        self._inflate = zlib.decompressobj(window)
        return True
