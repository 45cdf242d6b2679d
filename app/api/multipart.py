"""Parses the parts of a multipart body, as RFC 2046 and 7578 allow them.

python-multipart accepts no preamble, no folded header, no space after a boundary and no line that
ends in LF alone; there are clients that send each of these.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from app.errors import InvalidRequestError

# RFC 2046 allows 70 characters.
_MAX_BOUNDARY_BYTES = 200
_MAX_HEADER_BYTES = 16 * 2**10
# Limit of white space after a boundary.
_MAX_PADDING_BYTES = 100
_LINE_END = re.compile(rb"[ \t]*\r?\n")
_UNFINISHED_LINE_END = re.compile(rb"-?|[ \t]*\r?")
_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class PartBegins:
    """The beginning of a part, whose headers have names in lower case."""

    headers: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The end of the current part."""


Event = PartBegins | bytes | PartEnds
"""`bytes` are a piece of the content of the current part."""


class _State(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class MultipartReader:
    """Splits a body into parts, in a few KiB of memory whatever its size.

    Args:
        boundary: from the content type.

    Raises:
        InvalidRequestError: the boundary is empty or too long.
    """

    def __init__(self, boundary: bytes) -> None:
        if not 0 < len(boundary) <= _MAX_BOUNDARY_BYTES:
            raise _invalid(f"its boundary has {len(boundary)} characters")
        # The body begins at the beginning of a line.
        self._mark = b"\n--" + boundary
        self._buffer = bytearray(b"\n")
        self._state = _State.PREAMBLE
        self._crlf = True
        self._empty = True

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yields the events of a further piece of the body.

        Raises:
            InvalidRequestError: the body is not multipart.
        """
        self._empty = self._empty and not data
        self._buffer += data
        while self._state is not _State.EPILOGUE:
            headers = self._state is _State.HEADERS
            step = self._read_headers() if headers else self._read_content()
            progress = yield from step
            if not progress:
                return
        self._buffer.clear()

    def finish(self) -> None:
        """Checks that the body was complete.

        Raises:
            InvalidRequestError: its last boundary is missing.
        """
        if self._state is _State.PREAMBLE and not self._empty:
            raise _invalid("its boundary does not come")
        if self._state is not _State.EPILOGUE:
            raise InvalidRequestError("The form breaks off: its last boundary is missing.")

    def _read_content(self) -> Generator[Event, None, bool]:
        """Reads up to the next boundary; returns whether there was progress."""
        start = self._buffer.find(self._mark)
        if start < 0:
            # The end may be the beginning of a boundary.
            yield from self._take(len(self._buffer) - len(self._mark))
            return False
        after = start + len(self._mark)
        rest = bytes(self._buffer[after : after + _MAX_PADDING_BYTES])
        last = rest.startswith(b"--")
        line_end = _LINE_END.match(rest)
        if not last and not line_end:
            if _UNFINISHED_LINE_END.fullmatch(rest) and len(rest) < _MAX_PADDING_BYTES:
                yield from self._take(start - 1)
                return False
            # This is content that begins like a boundary.
            yield from self._take(after)
            return True
        # The line break before a boundary belongs to the boundary; a part's last byte may be a CR.
        yield from self._take(start - (self._crlf and self._buffer[start - 1 : start] == b"\r"))
        del self._buffer[: self._buffer.index(self._mark) + len(self._mark)]
        if self._state is _State.CONTENT:
            yield PartEnds()
        if last:
            self._state = _State.EPILOGUE
        else:
            assert line_end is not None
            self._crlf = line_end[0].endswith(b"\r\n")
            del self._buffer[: line_end.end()]
            self._state = _State.HEADERS
        return True

    def _take(self, size: int) -> Iterator[bytes]:
        if size > 0:
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            if self._state is _State.CONTENT:
                yield data

    def _read_headers(self) -> Generator[Event, None, bool]:
        """Reads the headers of a part; returns whether they were complete."""
        end = _BLANK_LINE.search(self._buffer)
        if (end.start() if end else len(self._buffer)) > _MAX_HEADER_BYTES:
            raise _invalid("the head of a part is too long")
        if end is None:
            return False
        headers: dict[bytes, bytes] = {}
        for line in _FOLD.sub(b" ", bytes(self._buffer[: end.start()])).splitlines():
            name, colon, value = line.partition(b":")
            if not colon:
                raise _invalid("a line in the head of a part is no header")
            headers[name.strip().lower()] = value.strip()
        del self._buffer[: end.end()]
        self._state = _State.CONTENT
        yield PartBegins(headers)
        return True


def _invalid(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"The form is not valid multipart/form-data: {reason}.")
