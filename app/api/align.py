"""POST /align: a recording and what is said in it in, the time of every word out."""

import asyncio
from typing import Any, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.api.caller import caller_of
from app.api.disconnects import run_until_disconnect
from app.api.outputs import Output, base_name, json_output, rendered_output
from app.api.parameters import deadline_of, gather
from app.api.raw_bodies import decode_options
from app.api.schemas import AudioBody, TimingBody, WarningBody
from app.api.state import AppStateOf
from app.api.transcribe import BINARY, ERRORS, FORMATTED, HEADERS, output_response
from app.api.upload import Upload, is_form, read_upload
from app.contract.options import AlignOptions
from app.errors import InvalidRequestError
from app.formats import as_transcript, render
from app.pipeline import TranscriptionRequest
from app.pipeline.options import parse_options
from app.transcript import AlignedTranscript, AlignedWord

router = APIRouter(tags=["alignment"])


class AlignedCharacterBody(BaseModel):
    """One character of a word, or one number in it."""

    text: str
    start: float
    end: float


class AlignedWordBody(BaseModel):
    """One word as it was written; times in seconds from the start of the audio."""

    word: str
    start: float | None = Field(
        description="Null where the word was not found, unless something else is in its place."
    )
    end: float | None
    score: float = Field(ge=0, le=1, description="Geometric mean of its characters' posteriors.")
    found: bool = Field(description="Whether it is said.")
    characters: list[AlignedCharacterBody] | None = None

    @classmethod
    def of(cls, word: AlignedWord, duration: float, *, characters: bool) -> Self:
        """Round to milliseconds, never beyond the duration."""

        def rounded(seconds: float) -> float:
            return min(round(seconds, 3), duration)

        return cls(
            word=word.text,
            start=None if word.start is None else rounded(word.start),
            end=None if word.end is None else rounded(word.end),
            score=round(word.score, 4),
            found=word.found,
            characters=[
                AlignedCharacterBody(
                    text=part.text, start=rounded(part.start), end=rounded(part.end)
                )
                for part in word.parts
            ]
            if characters
            else None,
        )


class AlignmentBody(BaseModel):
    """The answer of POST /align."""

    words: list[AlignedWordBody]
    language: str = Field(description="Code of the language.")
    model: str = Field(description="Id of the model that did it.")
    duration: float = Field(description="Length of the audio, in seconds.")
    audio: AudioBody | None = Field(
        description="What the recording's file is; null only where there is no file."
    )
    warnings: list[WarningBody] = Field(
        description="What there is to know about the recording, such as skipped damage."
    )
    timing: TimingBody
    request_id: str = Field(description="The same as in the header x-request-id.")

    @classmethod
    def of(cls, aligned: AlignedTranscript, *, characters: bool, request_id: str) -> Self:
        """Render an alignment."""
        duration = round(aligned.duration, 3)
        return cls(
            words=[
                AlignedWordBody.of(word, duration, characters=characters) for word in aligned.words
            ],
            language=aligned.language,
            model=aligned.model,
            duration=duration,
            audio=None if aligned.audio is None else AudioBody.of(aligned.audio),
            warnings=WarningBody.listed(aligned.notices),
            timing=TimingBody.of(aligned.timing),
            request_id=request_id,
        )

    def to_json(self) -> str:
        """The body as it is sent; characters are left out where nobody asked for them."""
        hidden = {"words": {"__all__": {"characters"}}}
        asked = any(word.characters is not None for word in self.words)
        return self.model_dump_json(exclude=None if asked else hidden)


_FIELDS = AlignOptions.model_json_schema()["properties"]
_OPERATION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "text"],
                    "properties": {"file": BINARY, **_FIELDS},
                }
            }
        },
    },
}


@router.post(
    "/align",
    summary="Find the words of a text in a recording",
    response_model=AlignmentBody,
    responses={200: {"headers": HEADERS, "content": FORMATTED}, **ERRORS},
    openapi_extra=_OPERATION,
)
async def align(request: Request, parts: AppStateOf) -> Response:
    """The start and end of every word of a text that is known.

    Send the audio as `file` and the text as `text` in a multipart form. Words come back as they
    were written. A word that is not said is not found; what is said and not written is passed
    over.
    """
    service = parts.service
    with service.admit(caller_of(request)):
        query = request.query_params.multi_items()
        checked = parse_options(AlignOptions, gather(query))
        deadline_of(request, checked.timeout)
        # A form may name the model yet.
        if checked.model is not None or not is_form(request):
            service.transcriber.route(checked.model, checked.language)
        service.check_room(caller_of(request), request.state.deadline)
        upload = await read_upload(request)
        try:
            parameters = parse_options(AlignOptions, gather(query, upload.fields))
            text = _text(parameters)
            work = _request(request, upload, parameters)
            service.transcriber.route(work.model, work.language)
        except BaseException:
            upload.audio.close()
            raise
        with parts.progress.follow(work.request_id) as progress:
            aligned = await run_until_disconnect(
                request,
                service.transcriber.align(work, text, progress=progress),
                cut_off=service.cut_off,
            )
        output = await asyncio.to_thread(_output, aligned, parameters, upload.name, work.request_id)
        return output_response(output, aligned.timing, aligned.notices)


def _text(parameters: AlignOptions) -> str:
    if parameters.text is None:
        raise InvalidRequestError(
            "There is no `text`; send what is said as a field of the form.", param="text"
        )
    return parameters.text


def _request(request: Request, upload: Upload, parameters: AlignOptions) -> TranscriptionRequest:
    return TranscriptionRequest(
        source=upload.audio,
        request_id=request.state.request_id,
        audio=decode_options(parameters, upload.content_type, upload.audio),
        caller=caller_of(request),
        model=parameters.model,
        language=parameters.language,
        deadline=deadline_of(request, parameters.timeout),
    )


def _output(
    aligned: AlignedTranscript, parameters: AlignOptions, recording: str, request_id: str
) -> Output:
    name = parameters.response_format
    if name == "json":
        body = AlignmentBody.of(aligned, characters=parameters.characters, request_id=request_id)
        return json_output(body.to_json(), recording)
    rendered = render(as_transcript(aligned), name, recording=base_name(recording) or "audio")
    return rendered_output(rendered, name, recording)
