"""Parses a multipart body into fields and files; all files share one unnamed file on disk.

Starlette's parser keeps a file open and up to a MiB in memory for each part, too much for a form of
a thousand recordings.
"""

import re
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from python_multipart.multipart import parse_options_header

from app.api.multipart import Event, MultipartReader, PartBegins, PartEnds
from app.errors import InvalidRequestError
from app.storage import SpooledBodies

MAX_FIELD_BYTES = 2**20

_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*([\w-]*)'[\w-]*'([^;\s]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part with a file name; `start` and `size` are the place of its content, in bytes."""

    field: str
    name: str
    content_type: str | None
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How many parts of each kind a form may have, and how long a field may be."""

    files: int
    fields: int
    field_bytes: int = MAX_FIELD_BYTES


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a form, in their order."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[FilePart, ...]


async def read_form(
    content_type: str, chunks: AsyncIterable[bytes], bodies: SpooledBodies, limits: FormLimits
) -> Form:
    """Reads a multipart body.

    Args:
        content_type: the header, with the boundary.
        chunks: the body's parts, of any size.
        bodies: where the files' bytes go.
        limits: how many files and fields.

    Raises:
        InvalidRequestError: the form is malformed, breaks off, or is over a limit.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequestError("The content type of the form names no boundary.")
    reader = MultipartReader(boundary)
    parts = _Parts(bodies, limits)
    async for chunk in chunks:
        for event in reader.feed(chunk):
            parts.add(event)
        await bodies.drain()
    reader.finish()
    await bodies.drain(everything=True)
    return Form(tuple(parts.fields), tuple(parts.files))


class _Parts:
    """Collects the parts that the reader finds."""

    def __init__(self, bodies: SpooledBodies, limits: FormLimits) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[FilePart] = []
        self._bodies = bodies
        self._limits = limits
        self._name = ""
        self._file_name: str | None = None
        self._content_type: str | None = None
        self._start = 0
        self._text = bytearray()

    def add(self, event: Event) -> None:
        match event:
            case PartBegins():
                self._begin(event.headers)
            case PartEnds():
                self._end()
            case data:
                self._data(data)

    def _begin(self, headers: Mapping[bytes, bytes]) -> None:
        disposition = headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        if b"name" not in options:
            raise InvalidRequestError("A part of the form has no name.")
        self._name = _decode(options[b"name"])
        self._file_name = _extended_file_name(disposition)
        if self._file_name is None and b"filename" in options:
            self._file_name = _decode(options[b"filename"])
        content_type = headers.get(b"content-type")
        self._content_type = None if content_type is None else content_type.decode("latin-1")
        coding = headers.get(b"content-transfer-encoding", b"binary").decode("latin-1").lower()
        if coding not in {"binary", "8bit", "7bit"}:
            raise InvalidRequestError(
                f"A part of the form is in {coding[:40]!r}; accepted: its bytes as they are.",
                param=self._name,
            )
        self._start = self._bodies.size
        self._text.clear()
        many, limit, kind = (
            (len(self.fields), self._limits.fields, "fields")
            if self._file_name is None
            else (len(self.files), self._limits.files, "files")
        )
        if many >= limit:
            raise InvalidRequestError(f"The form has more {kind} than the {limit} it may have.")

    def _data(self, data: bytes) -> None:
        if self._file_name is not None:
            self._bodies.add(data)
            return
        self._text += data
        if len(self._text) > self._limits.field_bytes:
            raise InvalidRequestError(
                f"{self._name} is longer than the {self._limits.field_bytes // 2**10} KiB of a "
                "field.",
                param=self._name,
            )

    def _end(self) -> None:
        if self._file_name is None:
            self.fields.append((self._name, _decode(bytes(self._text))))
            return
        self.files.append(
            FilePart(
                field=self._name,
                name=self._file_name,
                content_type=self._content_type,
                start=self._start,
                size=self._bodies.size - self._start,
            )
        )


def _extended_file_name(disposition: bytes) -> str | None:
    """Returns the name in `filename*=UTF-8''…` (RFC 5987), which clients send against RFC 7578."""
    found = _EXTENDED_NAME.search(_QUOTED.sub(b'""', disposition))
    if found is None:
        return None
    try:
        return unquote(found[2].decode("latin-1"), found[1].decode("latin-1"), errors="strict")
    except (LookupError, UnicodeDecodeError):
        return unquote(found[2].decode("latin-1"), "latin-1")


def _decode(data: bytes) -> str:
    """Returns the text of UTF-8, or of Latin-1, which older clients send."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
