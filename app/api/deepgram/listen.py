"""POST /v1/listen: transcribes an audio body with Deepgram's parameters and response."""

import asyncio
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from app.api.deepgram.answer import ListenBody, render
from app.api.deepgram.callback import AcceptedBody, accept
from app.api.deepgram.parameters import LISTS, ListenOptions, ListenParameters, parse_listen
from app.api.errors.deepgram import DOCUMENTED
from app.api.incoming import IncomingOf, IncomingRequest
from app.api.openapi import BINARY, HEADERS, openapi_parameters
from app.api.outputs import timing_headers, warning_headers
from app.api.submissions import check_webhook
from app.api.uploads import RecordingFile
from app.audio import DecodeOptions
from app.audio.content_types import raw_format
from app.contract.answers import Transcript
from app.errors import AudioError, InvalidRequestError
from app.pipeline import Route
from app.untrusted import read_json

_MAX_JSON_BYTES = 64 * 2**10

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
    summary="Transcribe a recording, in Deepgram's API",
    response_model=ListenBody | AcceptedBody,
    responses={200: {"headers": HEADERS}, **DOCUMENTED},
    openapi_extra=_OPERATION,
)
async def listen(incoming: IncomingOf) -> Response:
    """Deepgram's API for recordings, as far as its features are supported.

    Send the audio as the body; its format is found out from its content. With `callback`, the
    answer is the request's id, and the transcript is sent to that URL. Errors have Deepgram's
    `err_code`, `err_msg` and `request_id`, and our `error` beside them.
    """
    service = incoming.state.service
    options = parse_listen(incoming.query)
    with ExitStack() as stack:
        # A job does not count among the requests that are served at once.
        stack.enter_context(incoming.admit() if options.callback is None else service.admit())
        incoming.set_timeout()
        route = service.transcriber.route(
            options.model,
            options.language,
            options.decoding,
            options.formatting,
            options.redaction,
        )
        service.transcriber.check_diarization(options.diarization)
        if options.callback is None:
            incoming.check_room()
        else:
            check_webhook(incoming.state, options.callback, "callback")
        source: RecordingFile | str
        if incoming.content_type.essence == "application/json":
            source = await _read_url(incoming)
        elif incoming.content_type.is_multipart:
            raise InvalidRequestError(
                "The audio goes in the body itself; forms are for /transcribe.", param="body"
            )
        else:
            uploads = stack.enter_context(closing(await incoming.read()))
            (source,) = uploads.require()
        if options.callback is not None:
            return await accept(incoming, source, options, route)
        transcript, sha256 = await incoming.run(_transcribe(incoming, source, route, options))
        body = await asyncio.to_thread(
            render,
            transcript,
            options,
            request_id=incoming.request_id,
            sha256=sha256,
            created=datetime.now(UTC),
        )
        return Response(
            body.to_json(),
            media_type="application/json",
            headers=timing_headers(transcript.timing)
            | warning_headers(transcript.warnings)
            | {"dg-request-id": incoming.request_id},
        )


async def _transcribe(
    incoming: IncomingRequest, source: RecordingFile | str, route: Route, options: ListenOptions
) -> tuple[Transcript, str]:
    """Returns the transcript of a recording, and the SHA-256 of the recording."""
    async with incoming.recording(source) as file:
        if file.size == 0:
            raise AudioError("The audio is empty: send it as the body.", param="body")
        sha256 = await asyncio.to_thread(file.sha256)
        audio = file.open()
    try:
        raw = options.raw or raw_format(file.content_type, audio)
    except BaseException:
        audio.close()
        raise
    transcript = await incoming.state.service.transcriber.transcribe(
        incoming.transcription(
            audio,
            DecodeOptions(raw, separate=options.multichannel),
            route,
            diarization=options.diarization,
        )
    )
    return transcript, sha256


async def _read_url(incoming: IncomingRequest) -> str:
    """Returns the address in a body of `{"url": …}`, which may be fetched from."""
    body = await incoming.read_bytes(_MAX_JSON_BYTES)
    if body is None:
        raise InvalidRequestError(
            f"The JSON is over {_MAX_JSON_BYTES} bytes; accepted: one `url`.", param="body"
        )
    url = _parse_url(body)
    incoming.state.need_fetcher().check(url)
    return url


def _parse_url(body: bytes) -> str:
    try:
        fields = read_json(body)
    except ValueError:
        fields = None
    url = fields.get("url") if isinstance(fields, dict) and len(fields) == 1 else None
    # JSON can escape halves of characters, which no text can hold.
    if not isinstance(url, str) or not url.isprintable():
        raise InvalidRequestError(
            'The body is not of its content type; accepted as JSON: {"url": "https://…"}. '
            "Audio goes with a content type such as audio/wav.",
            param="url",
        )
    return url
