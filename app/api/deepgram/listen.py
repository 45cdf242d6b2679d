"""POST /v1/listen: a body of audio and Deepgram's parameters in, its form of answer out."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response

from app.api.caller import caller_of
from app.api.deepgram.answer import ListenBody, render
from app.api.deepgram.parameters import LISTS, ListenParameters, parse_listen
from app.api.disconnects import run_until_disconnect
from app.api.errors.deepgram import DOCUMENTED
from app.api.parameters import deadline_of, openapi_parameters
from app.api.raw_bodies import Undeclared, raw_format, split_content_type
from app.api.state import AppState, AppStateOf
from app.api.transcribe import BINARY, HEADERS, timing_headers, warning_headers
from app.api.upload import reservation_of
from app.audio import DecodeOptions, RawFormat
from app.errors import AudioError, InvalidRequestError
from app.pipeline import TranscriptionRequest
from app.storage import Reservation, spool
from app.transcript import Transcript
from app.untrusted import read_json

_MAX_JSON_BYTES = 64 * 2**10
_BLOCK_BYTES = 2**20

router = APIRouter(tags=["compatible"])

_OPERATION: dict[str, Any] = {
    "parameters": [
        *openapi_parameters(ListenParameters),
        *(
            {
                "name": name,
                "in": "query",
                "required": False,
                "schema": {"type": "array", "items": {"type": "string"}},
                "description": description,
            }
            for name, description in LISTS.items()
        ),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "audio/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["url"],
                    "properties": {"url": {"type": "string"}},
                }
            },
        },
    },
}


@router.post(
    "/v1/listen",
    summary="Transcribe a recording, as Deepgram's clients ask for it",
    response_model=ListenBody,
    responses={200: {"headers": HEADERS}, **DOCUMENTED},
    openapi_extra=_OPERATION,
)
async def listen(request: Request, parts: AppStateOf) -> Response:
    """Deepgram's prerecorded API, as far as its words mean something here.

    Send the audio as the body; its format is found out from its content. Errors have
    Deepgram's `err_code`, `err_msg` and `request_id`, and our `error` beside them.
    """
    service = parts.service
    with service.admit(caller_of(request)):
        wanted = parse_listen(request.query_params.multi_items())
        deadline = deadline_of(request)
        service.transcriber.route(wanted.model, wanted.language, wanted.decoding, wanted.readable)
        service.check_room(caller_of(request), deadline)
        source = await _read(request, parts)

        async def work() -> tuple[Transcript, str]:
            audio = (
                await _fetch(parts, source, deadline, reservation_of(request))
                if isinstance(source, str)
                else source
            )
            transcript = await service.transcriber.transcribe(
                TranscriptionRequest(
                    source=audio.file,
                    request_id=request.state.request_id,
                    audio=DecodeOptions(wanted.raw or audio.raw),
                    caller=caller_of(request),
                    model=wanted.model,
                    language=wanted.language,
                    deadline=deadline,
                    decoding=wanted.decoding,
                    readable=wanted.readable,
                )
            )
            return transcript, audio.sha256

        transcript, sha256 = await run_until_disconnect(request, work(), cut_off=service.cut_off)
        request_id = request.state.request_id
        body = await asyncio.to_thread(
            render, transcript, wanted, request_id=request_id, sha256=sha256
        )
        return Response(
            body.to_json(),
            media_type="application/json",
            headers=timing_headers(transcript.timing)
            | warning_headers(transcript.notices)
            | {"dg-request-id": request_id},
        )


@dataclass(frozen=True, slots=True)
class _Audio:
    """A recording at its beginning, and its SHA-256 in hexadecimal.

    `raw` is what its content type says of samples without a header.
    """

    file: BinaryIO
    sha256: str
    raw: RawFormat | None


async def _read(request: Request, parts: AppState) -> _Audio | str:
    """The audio of a body, or the URL in it that may be asked for some."""
    content_type = request.headers.get("content-type")
    essence, _ = split_content_type(content_type)
    if essence == "application/json":
        return await _read_url(request, parts)
    if essence.startswith("multipart/"):
        raise InvalidRequestError(
            "The audio goes in the body itself; forms are for /transcribe.", param="body"
        )
    digest = hashlib.sha256()

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in request.stream():
            digest.update(chunk)
            yield chunk

    file = await spool(watched(), reservation_of(request))
    return _checked(file, digest.hexdigest(), content_type)


async def _read_url(request: Request, parts: AppState) -> str:
    """The address in a body of `{"url": …}`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise InvalidRequestError(
                f"The JSON is over {_MAX_JSON_BYTES} bytes; accepted: one `url`.", param="body"
            )
    url = _parse_url(bytes(body))
    parts.need_fetcher().check(url)
    return url


async def _fetch(
    parts: AppState, url: str, deadline: float | None, reservation: Reservation
) -> _Audio:
    fetched = await parts.need_fetcher().fetch(url, deadline, reservation=reservation)
    file = fetched.bodies.open(0, fetched.bodies.size)
    fetched.bodies.close()
    sha256 = await asyncio.to_thread(_sha256, file)
    return _checked(file, sha256, fetched.content_type)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def _checked(file: BinaryIO, sha256: str, content_type: str | None) -> _Audio:
    try:
        _check_not_empty(file)
        return _Audio(file, sha256, raw_format(Undeclared(), content_type, file))
    except BaseException:
        file.close()
        raise


def _check_not_empty(file: BinaryIO) -> None:
    if not file.read(1):
        raise AudioError("The audio is empty: send it as the body.", param="body")
    file.seek(0)


def _parse_url(body: bytes) -> str:
    try:
        fields = read_json(body)
    except ValueError:
        fields = None
    url = fields.get("url") if isinstance(fields, dict) and len(fields) == 1 else None
    # JSON can escape halves of characters, which no text can hold.
    if not isinstance(url, str) or not url.isprintable():
        raise InvalidRequestError(
            'The body is not what its content type says; accepted as JSON: {"url": "https://…"}. '
            "Audio goes with a content type such as audio/wav.",
            param="url",
        )
    return url
