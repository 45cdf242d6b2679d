"""A multipart body in, its fields and files out; the files share one nameless file on disk.

The framework's own parser keeps a file open and up to a MiB in memory for each part, which a form
of a thousand recordings cannot afford.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.errors import InvalidRequestError
from app.spool import SpooledBodies

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELD_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part with a file name; `start` and `size` say where its bytes are, in bytes."""

    field: str
    name: str
    content_type: str | None
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How many parts of each kind a form may have."""

    files: int
    fields: int


@dataclass(frozen=True, slots=True)
class Form:
    """What a form held, in the order it came."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[FilePart, ...]


async def read_form(
    content_type: str, chunks: AsyncIterable[bytes], bodies: SpooledBodies, limits: FormLimits
) -> Form:
    """Read a multipart body.

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
    reader = _Reader(bodies, limits)
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
            await bodies.drain()
    except FormParserError as error:
        raise InvalidRequestError("The form is not valid multipart/form-data.") from error
    if not reader.ended:
        raise InvalidRequestError("The form breaks off: its last boundary is missing.")
    await bodies.drain(everything=True)
    return Form(tuple(reader.fields), tuple(reader.files))


class _Reader:
    """Gathers what the parser calls out."""

    def __init__(self, bodies: SpooledBodies, limits: FormLimits) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[FilePart] = []
        self.ended = False
        self._bodies = bodies
        self._limits = limits
        self._headers: dict[bytes, bytes] = {}
        self._header = b""
        self._value = b""
        self._name = ""
        self._file_name: str | None = None
        self._start = 0
        self._text = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._all,
        }

    def _begin(self) -> None:
        self._headers = {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"name" not in options:
            raise InvalidRequestError("A part of the form has no name.")
        self._name = _decode(options[b"name"])
        file_name = options.get(b"filename")
        self._file_name = None if file_name is None else _decode(file_name)
        self._start = self._bodies.size
        self._text.clear()
        many, limit, kind = (
            (len(self.fields), self._limits.fields, "fields")
            if self._file_name is None
            else (len(self.files), self._limits.files, "files")
        )
        if many >= limit:
            raise InvalidRequestError(f"The form has more {kind} than the {limit} it may have.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file_name is not None:
            self._bodies.add(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MAX_FIELD_BYTES:
            raise InvalidRequestError(
                f"{self._name} is longer than the {MAX_FIELD_BYTES // 2**10} KiB of a field.",
                param=self._name,
            )

    def _end(self) -> None:
        if self._file_name is None:
            self.fields.append((self._name, _decode(bytes(self._text))))
            return
        content_type = self._headers.get(b"content-type")
        self.files.append(
            FilePart(
                field=self._name,
                name=self._file_name,
                content_type=None if content_type is None else content_type.decode("latin-1"),
                start=self._start,
                size=self._bodies.size - self._start,
            )
        )

    def _all(self) -> None:
        self.ended = True


def _decode(data: bytes) -> str:
    """Read UTF-8, or Latin-1 as older clients send."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
