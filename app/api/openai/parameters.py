"""Parses and checks the form of POST /v1/audio/transcriptions, and routes the request.

A form has OpenAI's own fields and ours, which their SDK sends from `extra_body`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from app.api.openai.names import routed_model
from app.api.openai.references import NAMES, REFERENCES, Reference, parse_references
from app.contract.layout import FORMAT_OPTIONS
from app.contract.options import TranscribeOptions
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError, NordlydError
from app.pipeline import Route, Transcriber
from app.pipeline.options import (
    decoding_options,
    formatting_options,
    parse_options,
    redaction_options,
)

MAX_FIELDS = 1200
"""The limit of fields in one form, where every keyword is one."""

# OpenAI has fields of its own for these, or no place in its answers.
_NOT_OURS = frozenset(
    {"model", "language", "n_best", "words", "response_format", "url", *FORMAT_OPTIONS}
)
OUR_FIELDS = tuple(name for name in TranscribeOptions.model_fields if name not in _NOT_OURS)
"""Options of POST /transcribe that the form accepts too."""
_LISTS = ("languages", "timestamp_granularities", "include", "keywords")
# Repeated as they are: names and data URLs may have commas.
_WHOLE_LISTS = (NAMES, REFERENCES)
_ALIASES = {"beam_size": "beam_width"}
_DIARIZED = "diarized_json"
_INDEXED = re.compile(r"^(\w+)\[\w*\]$")


class OpenAIParameters(BaseModel):
    """OpenAI's fields of POST /v1/audio/transcriptions."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None,
        description="A model of GET /v1/models, or whisper-1, gpt-4o-transcribe and the like, "
        "which let the language choose.",
        examples=["whisper-1"],
    )
    language: str | None = Field(
        None,
        description="nn, nb, no, da. Ours: auto, or auto-each, detects it among those of the "
        "loaded models.",
        examples=["nb"],
    )
    languages: list[str] = Field(
        [], description="Likely languages; the first that is served is taken."
    )
    prompt: str | None = Field(None, description="Not used; `keywords` is.")
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] = Field(
        "json", description="diarized_json tells who speaks, as `diarize` does in other formats."
    )
    temperature: float | None = Field(
        None, ge=0, le=1, description="Not used: nothing is drawn at random."
    )
    stream: bool = Field(False, description="Whether to answer with server-sent events.")
    chunking_strategy: str | None = Field(
        None, description="Not used: audio of any length is cut as the model needs it."
    )
    timestamp_granularities: list[Literal["word", "segment"]] = Field(
        [], description="With verbose_json; word also with vtt."
    )
    include: list[Literal["logprobs"]] = Field([], description="With json and with stream.")
    keywords: list[str] = Field([], description="Words that are expected, as hotwords.")
    known_speaker_names: list[str] = Field(
        [], description="Where speakers are told apart: names of up to four of them."
    )
    known_speaker_references: list[str] = Field(
        [],
        description="For each name a data URL with a recording of the voice alone, from 2 to 10 s "
        "long. Nothing is kept of it.",
    )


@dataclass(frozen=True, slots=True)
class OpenAIForm:
    """The checked fields of one form.

    Attributes:
        openai: OpenAI's fields.
        native: our own fields, as POST /transcribe has them.
        format_given: whether the form has `format_text`.
        references: of known speakers.
    """

    openai: OpenAIParameters
    native: TranscribeOptions
    format_given: bool
    references: tuple[Reference, ...] = ()


def read_form(fields: Iterable[tuple[str, str]]) -> OpenAIForm:
    """Returns the checked fields of a form; names of lists may end in brackets.

    Raises:
        InvalidRequestError: a field is unknown, given twice or wrong; the message lists what is
            accepted.
    """
    given: dict[str, Any] = {}
    for full_name, value in fields:
        name = _plain(full_name)
        if name not in OpenAIParameters.model_fields and name not in OUR_FIELDS:
            raise _refusal(name)
        if not value.strip():
            continue
        if name in _WHOLE_LISTS:
            given.setdefault(name, []).append(value.strip())
        elif name in _LISTS:
            items = (part.strip() for part in value.split(","))
            given.setdefault(name, []).extend(item for item in items if item)
        elif name in given and name != "chunking_strategy":
            raise InvalidRequestError(f"{name} is given twice.", param=name)
        else:
            given[name] = value.strip()
    native = {name: given.pop(name) for name in OUR_FIELDS if name in given}
    openai = parse_options(OpenAIParameters, cast("dict[str, str]", given))
    _check_combination(openai)
    format_given = "format_text" in native
    # OpenAI's users expect sentences and digits.
    native.setdefault("format_text", "true")
    if openai.response_format == _DIARIZED:
        native.setdefault("diarize", "true")
    options = parse_options(TranscribeOptions, native)
    _check_speakers(openai, options)
    references = parse_references(openai.known_speaker_names, openai.known_speaker_references)
    return OpenAIForm(openai, options, format_given, references)


def route_form(transcriber: Transcriber, form: OpenAIForm) -> Route:
    """Returns the model and the options that serve a form, before its audio is decoded.

    Raises:
        NordlydError: as `Transcriber.route`.
    """
    openai = form.openai
    model = routed_model(openai.model)
    decoding = decoding_options(form.native)
    keywords = tuple(Hotword(word) for word in openai.keywords)
    decoding = replace(decoding, hotwords=(*decoding.hotwords, *keywords))
    first = [openai.language] if openai.language else []
    languages = [*first, *openai.languages]
    language = served_language(transcriber, model, languages, decoding, detect=True)
    formatting, redaction = formatting_options(form.native), redaction_options(form.native)
    try:
        return transcriber.route(model, language, decoding, formatting, redaction, detect=True)
    except InvalidRequestError as error:
        if error.param != "format_text" or form.format_given:
            raise
        # Formatted text is the default only for languages that have rules for it.
        return transcriber.route(model, language, decoding, redaction=redaction, detect=True)


def served_language(
    transcriber: Transcriber,
    model: str | None,
    languages: Sequence[str],
    decoding: DecodingOptions,
    *,
    detect: bool = False,
) -> str | None:
    """Returns the first of the languages that a model serves; None where none is named.

    Args:
        transcriber: routes.
        model: id of a model; None lets the language choose.
        languages: in the order of preference.
        decoding: how to decode.
        detect: as `Transcriber.route`.

    Raises:
        NordlydError: no model serves any of them; the error is that of the first.
    """
    refused: NordlydError | None = None
    for language in languages or (None,):
        try:
            transcriber.route(model, language, decoding, detect=detect)
        except InvalidRequestError as error:
            refused = refused or error
        else:
            return language
    assert refused is not None
    raise refused


def _plain(name: str) -> str:
    """Returns a field's usual name, without the brackets that lists may have."""
    indexed = _INDEXED.match(name)
    if indexed and indexed[1] in (*_LISTS, *_WHOLE_LISTS, "chunking_strategy"):
        name = indexed[1]
    return _ALIASES.get(name, name)


def _refusal(name: str) -> InvalidRequestError:
    accepted = ", ".join(("file", *OpenAIParameters.model_fields, *OUR_FIELDS, *_ALIASES))
    return InvalidRequestError(f"There is no field {name!r}; accepted: {accepted}.", param=name)


def _check_combination(fields: OpenAIParameters) -> None:
    """Refuses fields that would have no effect on the answer."""
    form = fields.response_format
    if fields.stream and form not in {"json", "text", "diarized_json"}:
        raise InvalidRequestError(
            f"response_format is {form!r}; accepted with stream=true: json, text, diarized_json.",
            param="response_format",
        )
    if fields.include and form != "json":
        raise InvalidRequestError(
            f"response_format is {form!r}; accepted with include[]=logprobs: json.",
            param="include",
        )
    fits = {"verbose_json": {"word", "segment"}, "vtt": {"word"}}.get(form, set())
    if not set(fields.timestamp_granularities) <= fits:
        raise InvalidRequestError(
            f"response_format is {form!r}; accepted with timestamp_granularities[]: verbose_json, "
            "or vtt with word alone.",
            param="timestamp_granularities",
        )


def _check_speakers(fields: OpenAIParameters, native: TranscribeOptions) -> None:
    """Refuses to tell speakers apart for an answer without them, and the other way round."""
    form, diarize = fields.response_format, native.diarize
    if form == _DIARIZED and not diarize:
        raise InvalidRequestError(
            f"diarize is false; accepted with response_format {form!r}: true.", param="diarize"
        )
    if fields.known_speaker_names and not diarize:
        raise InvalidRequestError(
            f"{NAMES} is given and speakers are not told apart; accepted with it: response_format "
            f"{_DIARIZED}.",
            param=NAMES,
        )
    if diarize and form == "json":
        raise InvalidRequestError(
            "diarize is given with response_format 'json'; accepted with it: diarized_json, "
            "verbose_json, text, srt, vtt.",
            param="diarize",
        )
    if diarize and fields.stream and form != _DIARIZED:
        raise InvalidRequestError(
            f"diarize is given with stream=true and response_format {form!r}; accepted with "
            "them: diarized_json.",
            param="diarize",
        )
