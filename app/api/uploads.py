"""Reads the recordings of a request as files, and the fields of its form."""

import hashlib
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import BinaryIO

from app.api.forms import FilePart, Form, FormLimits, read_form
from app.audio import DecodeOptions
from app.audio.content_types import ContentType, RecordingOptions, decode_options
from app.errors import AudioError, InvalidRequestError
from app.fetching import Fetched
from app.storage import Reservation, SpooledBodies

_FILE = "file"
_HASH_BLOCK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording that was sent or fetched, and can be opened several times.

    Attributes:
        name: the file's name as the sender gave it; may be empty.
        content_type: as the sender gave it, which only matters for raw samples.
        size: in bytes.
        read: opens it at its beginning.
    """

    name: str
    content_type: ContentType
    size: int
    read: Callable[[], BinaryIO]

    @classmethod
    def fetched(cls, fetched: Fetched) -> "RecordingFile":
        """Returns the file of a URL."""
        bodies = fetched.bodies
        return cls(
            fetched.name,
            ContentType.parse(fetched.content_type),
            bodies.size,
            lambda: bodies.open(0, bodies.size),
        )

    def open(self) -> BinaryIO:
        """Opens it, for the caller to close.

        Raises:
            AudioError: it is empty.
        """
        if self.size == 0:
            raise AudioError(
                "The audio is empty: send it as the body, or as `file` in a multipart form.",
                param=_FILE,
            )
        return self.read()

    def open_to_decode(self, options: RecordingOptions) -> tuple[BinaryIO, DecodeOptions]:
        """Opens it, for the caller to close, and returns how to decode it.

        Raises:
            AudioError: it is empty.
            InvalidRequestError: it is declared as raw samples without a rate.
        """
        source = self.open()
        try:
            return source, decode_options(options, self.content_type, source)
        except BaseException:
            source.close()
            raise

    def sha256(self) -> str:
        """Returns the SHA-256 of its bytes in hexadecimal; reads all of it."""
        digest = hashlib.sha256()
        with self.read() as file:
            while block := file.read(_HASH_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Uploads:
    """The contents of a body. Once closed, none of its files can be opened any more.

    Attributes:
        files: the recordings, in order; one, perhaps empty, for a body without a form.
        fields: the form's other fields, as given.
        bodies: stores the files.
    """

    files: tuple[RecordingFile, ...]
    fields: tuple[tuple[str, str], ...]
    bodies: SpooledBodies

    def close(self) -> None:
        """Prevents further opening; files that are open stay open."""
        self.bodies.close()

    @property
    def empty(self) -> bool:
        """Whether nothing was sent that could be audio, not even an empty file with a name."""
        return all(not file.size and not file.name for file in self.files)

    def require(self) -> tuple[RecordingFile, ...]:
        """Returns the recordings.

        Raises:
            InvalidRequestError: the form has none.
        """
        if self.files:
            return self.files
        raise InvalidRequestError("There is no `file` in the form.", param=_FILE)


async def read_uploads(
    content_type: ContentType,
    chunks: AsyncIterable[bytes],
    reservation: Reservation,
    limits: FormLimits,
) -> Uploads:
    """Reads a form with files called `file`, or any other body as one recording.

    Args:
        content_type: of the body.
        chunks: parts of the body, of any size.
        reservation: counts the bytes on disk.
        limits: of the form.

    Raises:
        InvalidRequestError: the form is malformed or over a limit.
        TooLargeError: the body is over the limit of the service.
        OverloadedError, InsufficientStorageError: there is no room for it on disk.
        ClientDisconnect: the client closed the connection.
    """
    bodies = SpooledBodies(reservation)
    try:
        if content_type.is_multipart:
            form = await read_form(content_type.header or "", chunks, bodies, limits)
            return _from_form(form, bodies)
        await bodies.fill(chunks)
        part = FilePart(_FILE, "", content_type.header, 0, bodies.size)
        return Uploads((_file(part, bodies),), (), bodies)
    except BaseException:
        bodies.close()
        raise


def _from_form(form: Form, bodies: SpooledBodies) -> Uploads:
    for part in form.files:
        if part.field != _FILE:
            raise InvalidRequestError(
                f"A file came under the name {part.field!r}; the audio goes under `file`.",
                param=part.field,
            )
    if any(name == _FILE for name, _ in form.fields):
        raise InvalidRequestError(
            "`file` came as text, without a file name; send it as a file, as `curl -F "
            "file=@speech.wav` does.",
            param=_FILE,
        )
    return Uploads(tuple(_file(part, bodies) for part in form.files), form.fields, bodies)


def _file(part: FilePart, bodies: SpooledBodies) -> RecordingFile:
    return RecordingFile(
        part.name,
        ContentType.parse(part.content_type),
        part.size,
        lambda: bodies.open(part.start, part.size),
    )
