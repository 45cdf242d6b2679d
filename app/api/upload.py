"""A request's body in, the recordings in it as files and the form's fields out."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request

from app.api.caller import caller_of
from app.api.forms import FilePart, Form, FormLimits, read_form
from app.api.state import AppState
from app.errors import AudioError, InvalidRequestError
from app.storage import Reservation, SpooledBodies

_FILE = "file"
_MAX_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded recording. Whoever takes it closes `audio`.

    Attributes:
        audio: the bytes, at their beginning; on disk when they are many.
        content_type: what the client says they are, which only matters for raw samples.
        fields: the form's other fields, as given; empty for a raw body.
        name: the file's name as the client gave it; empty for a raw body.
    """

    audio: BinaryIO
    content_type: str | None
    fields: tuple[tuple[str, str], ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A recording that was sent or fetched, and can be opened again and again.

    Attributes:
        name: the file's name as it came; empty where there is none.
        content_type: what the sender says it is, which only matters for raw samples.
        size: in bytes.
        read: opens it at its beginning.
    """

    name: str
    content_type: str | None
    size: int
    read: Callable[[], BinaryIO]

    def open(self) -> BinaryIO:
        """Open it; whoever does closes it.

        Raises:
            AudioError: it is empty.
        """
        if self.size == 0:
            raise AudioError(
                "The audio is empty: send it as the body, or as `file` in a multipart form.",
                param=_FILE,
            )
        return self.read()


@dataclass(frozen=True, slots=True)
class Uploads:
    """Everything a body held; closed, nothing of it can be opened any more.

    Attributes:
        files: the recordings, in their order; one, perhaps empty, for a raw body.
        fields: the form's other fields, as given.
    """

    files: tuple[UploadedFile, ...]
    fields: tuple[tuple[str, str], ...]
    bodies: SpooledBodies

    def close(self) -> None:
        """Open no more; what is open stays so."""
        self.bodies.close()

    @property
    def empty(self) -> bool:
        """Nothing was sent that could be audio, not even an empty file with a name."""
        return all(not file.size and not file.name for file in self.files)

    def require(self) -> tuple[UploadedFile, ...]:
        """Return the recordings.

        Raises:
            InvalidRequestError: the form has none.
        """
        if self.files:
            return self.files
        raise InvalidRequestError("There is no `file` in the form.", param=_FILE)


def is_form(request: Request) -> bool:
    """Whether the body is a multipart form."""
    return request.headers.get("content-type", "").lower().startswith("multipart/")


def reservation_of(request: Request) -> Reservation:
    """What a request's body is counted in while it is on disk."""
    parts: AppState = request.app.state.parts
    return parts.service.transcriber.media.spool.reserve(caller_of(request))


async def read_uploads(
    request: Request, *, max_files: int, max_fields: int = _MAX_FIELDS
) -> Uploads:
    """Read a multipart body with files called `file`, or any other body as the audio itself.

    Raises:
        InvalidRequestError: a malformed form, or too many files.
        TooLargeError: the body is over the limit of the service.
        OverloadedError, InsufficientStorageError: there is no room for it on disk.
        ClientDisconnect: the client hung up.
    """
    content_type = request.headers.get("content-type")
    bodies = SpooledBodies(reservation_of(request))
    try:
        if not is_form(request):
            await bodies.fill(request.stream())
            part = FilePart(_FILE, "", content_type, 0, bodies.size)
            return Uploads((_file(part, bodies),), (), bodies)
        form = await read_form(
            content_type or "", request.stream(), bodies, FormLimits(max_files, max_fields)
        )
        return _from_form(form, bodies)
    except BaseException:
        bodies.close()
        raise


async def read_upload(request: Request, *, max_fields: int = _MAX_FIELDS) -> Upload:
    """Read a multipart body with one `file`, or any other body as the audio itself.

    Raises:
        InvalidRequestError: a malformed form, no file, or more than one.
        AudioError: the file is empty.
        TooLargeError: the body is over the limit of the service.
        OverloadedError, InsufficientStorageError: there is no room for it on disk.
        ClientDisconnect: the client hung up.
    """
    with closing(await read_uploads(request, max_files=1, max_fields=max_fields)) as uploads:
        (file,) = uploads.require()
        return Upload(file.open(), file.content_type, uploads.fields, file.name)


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


def _file(part: FilePart, bodies: SpooledBodies) -> UploadedFile:
    return UploadedFile(
        part.name, part.content_type, part.size, lambda: bodies.open(part.start, part.size)
    )
