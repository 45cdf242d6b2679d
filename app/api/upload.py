"""A request's body in, the audio as a file and the form's fields out."""

import os
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from app.errors import AudioError, InvalidRequestError
from app.spool import spool

_FILE = "file"
_MAX_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded recording. Whoever takes it closes `audio`.

    Attributes:
        audio: the bytes, at their beginning; on disk when they are many.
        content_type: what the client says they are, which only matters for raw samples.
        fields: the form's other fields, as given; empty for a raw body.
    """

    audio: BinaryIO
    content_type: str | None
    fields: tuple[tuple[str, str], ...] = ()


async def read_upload(request: Request) -> Upload:
    """Read a multipart body with one `file`, or any other body as the audio itself.

    Raises:
        InvalidRequestError: a malformed form, no file, or more than one.
        AudioError: the file is empty.
        TooLargeError: the body is over the limit of the service.
        ClientDisconnect: the client hung up.
    """
    content_type = request.headers.get("content-type")
    if (content_type or "").lower().startswith("multipart/"):
        form = await request.form(max_files=1, max_fields=_MAX_FIELDS)
        try:
            upload = _from_form(form)
        except InvalidRequestError:
            await form.close()
            raise
    else:
        upload = Upload(await spool(request.stream()), content_type)
    size = upload.audio.seek(0, os.SEEK_END)
    if size == 0:
        upload.audio.close()
        raise AudioError(
            "The audio is empty: send it as the body, or as `file` in a multipart form.",
            param=_FILE,
        )
    upload.audio.seek(0)
    return upload


def _from_form(form: FormData) -> Upload:
    file: UploadFile | None = None
    fields: list[tuple[str, str]] = []
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.append((name, value))
        elif name == _FILE:
            file = value
        else:
            raise InvalidRequestError(
                f"A file came under the name {name!r}; the audio goes under `file`.", param=name
            )
    if file is None:
        text_only = any(name == _FILE for name, _ in fields)
        raise InvalidRequestError(
            "`file` came as text, without a file name; send it as a file, as `curl -F "
            "file=@speech.wav` does."
            if text_only
            else "There is no `file` in the form.",
            param=_FILE,
        )
    return Upload(file.file, file.content_type, tuple(fields))
