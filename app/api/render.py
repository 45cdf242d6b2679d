"""POST /render: a transcript as JSON in, the same as subtitles or annotations out.

Nothing is computed again: for transcripts that were kept as JSON, corrected by hand, or heard live.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.api.errors import describe_invalid
from app.api.outputs import Output, base_name, rendered_output
from app.api.parameters import gather, parse
from app.api.transcribe import ERRORS, FORMATTED, HEADERS
from app.decoding import segment_words
from app.errors import InvalidRequestError, TooLargeError
from app.formats import render as write
from app.transcript import Formatted, Segment, Timing, Transcript, Word

_MOST_SECONDS = 1e7  # four months; what is beyond is a mistake, and no clock of a format has it
_MOST_BYTES = 64 * 2**20  # a day's speech is a third of it
_NO_TIMING = Timing(0.0, 0.0, 0.0, 0.0, 0.0)

router = APIRouter(tags=["formats"])


class RenderParameters(BaseModel):
    """The query of POST /render."""

    model_config = ConfigDict(extra="forbid")

    response_format: Literal["text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm"] = Field(
        "text", description="What to write."
    )
    word_cues: bool = Field(False, description="With vtt: marks when each word is said.")
    recording: str = Field("", description="The recording's file name, for names and links.")


class GivenWord(BaseModel):
    """One word; times in seconds from the start of the audio."""

    word: str
    start: float = Field(ge=0, le=_MOST_SECONDS)
    end: float = Field(ge=0, le=_MOST_SECONDS)
    confidence: float = Field(1.0, ge=0, le=1)


class GivenSegment(BaseModel):
    """So many of the words as its text has."""

    text: str


class GivenTranscript(BaseModel):
    """An answer of POST /transcribe as it is, or as much of it as is here."""

    text: str | None = Field(None, description="The words joined by spaces where it is not given.")
    words: list[GivenWord]
    segments: list[GivenSegment] | None = Field(
        None, description="Which words belong together; by their pauses where it is not given."
    )
    formatted_text: str | None = None
    formatted_words: list[GivenWord] | None = Field(
        None, description="Written instead of the others where they are given."
    )
    formatted_segments: list[GivenSegment] | None = None
    language: str = "und"
    model: str = ""
    duration: float = Field(ge=0, le=_MOST_SECONDS)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for name in ("words", "formatted_words"):
            reached = 0.0
            for index, word in enumerate(getattr(self, name) or ()):
                if word.start < reached or word.end < word.start:
                    raise ValueError(
                        f"{name}.{index} ({word.word!r}) begins before the word before it, or "
                        "ends before it begins"
                    )
                reached = word.start
        return self

    def transcript(self) -> Transcript:
        """The value that the writers take."""
        words = _words(self.words)
        formatted = None
        if self.formatted_words is not None:
            written = _words(self.formatted_words)
            formatted = Formatted(
                self.formatted_text or _joined(written), _segments(written, self.formatted_segments)
            )
        return Transcript(
            text=_joined(words) if self.text is None else self.text,
            segments=_segments(words, self.segments),
            language=self.language,
            model=self.model,
            duration=self.duration,
            timing=_NO_TIMING,
            formatted=formatted,
        )


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references, which would point into the document it is put into."""
    definitions = schema.pop("$defs")

    def resolved(part: Any) -> Any:  # noqa: ANN401
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rpartition("/")[2]])
        return {name: resolved(value) for name, value in part.items()}

    return {name: resolved(value) for name, value in schema.items()}


_OPERATION: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in RenderParameters.model_json_schema()["properties"].items()
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _inlined(GivenTranscript.model_json_schema())}},
    },
}


@router.post(
    "/render",
    summary="Write a transcript in another format",
    response_class=Response,
    responses={
        200: {"headers": {"x-request-id": HEADERS["x-request-id"]}, "content": FORMATTED},
        **{status: ERRORS[status] for status in (400, 401, 413)},
    },
    openapi_extra=_OPERATION,
)
async def render(request: Request) -> Response:
    """Subtitles, tables and annotations of a transcript that is known already.

    Send the JSON that POST /transcribe answered, corrected or not.
    """
    parameters = parse(RenderParameters, gather(request.query_params.multi_items()))
    if parameters.word_cues and parameters.response_format != "vtt":
        raise InvalidRequestError(
            "word_cues marks the words of WebVTT; accepted with it: response_format=vtt.",
            param="word_cues",
        )
    output = await asyncio.to_thread(_output, await _body(request), parameters)
    return Response(
        output.body,
        headers={"content-type": output.media_type, "content-disposition": output.disposition},
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLargeError(f"The transcript is over {_MOST_BYTES // 2**20} MiB of JSON.")
    return bytes(body)


def _output(body: bytes, parameters: RenderParameters) -> Output:
    try:
        given = GivenTranscript.model_validate_json(body)
    except ValidationError as error:
        issues = error.errors(include_url=False, include_context=False, include_input=False)
        raise describe_invalid(
            [issue | {"loc": ("body", *issue["loc"])} for issue in issues]
        ) from None
    rendered = write(
        given.transcript(),
        parameters.response_format,
        recording=base_name(parameters.recording) or "audio",
        word_cues=parameters.word_cues,
    )
    return rendered_output(rendered, parameters.response_format, parameters.recording)


def _words(given: Sequence[GivenWord]) -> list[Word]:
    return [Word(word.word, word.start, word.end, word.confidence) for word in given]


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _segments(words: Sequence[Word], given: Sequence[GivenSegment] | None) -> tuple[Segment, ...]:
    """Share words out to segments by their texts, or by pauses where these do not fit."""
    segments: list[Segment] = []
    reached = 0
    for segment in given or ():
        wanted = segment.text.split()
        first, tokens = reached, 0
        while reached < len(words) and tokens < len(wanted):
            tokens += len(words[reached].text.split())
            reached += 1
        taken = tuple(words[first:reached])
        if _joined(taken).split() != wanted:
            return segment_words(words)
        if taken:
            confidence = sum(word.confidence for word in taken) / len(taken)
            segments.append(
                Segment(_joined(taken), taken[0].start, taken[-1].end, confidence, taken)
            )
    return tuple(segments) if reached == len(words) else segment_words(words)
