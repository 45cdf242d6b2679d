"""The options of a request for transcripts: of the query first, then of the form; and its route."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from app.api.incoming import IncomingRequest
from app.api.state import AppState
from app.api.uploads import RecordingFile, Uploads
from app.contract.options import AlignOptions, TranscribeOptions
from app.errors import InvalidRequestError
from app.pipeline import Route
from app.pipeline.options import (
    check_format_options,
    decoding_options,
    diarization_options,
    formatting_options,
    parse_options,
    redaction_options,
)
from app.speakers import DiarizationOptions

_OptionsT = TypeVar("_OptionsT", bound=TranscribeOptions)
_AlignT = TypeVar("_AlignT", bound=AlignOptions)


def gather(*sources: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the fields of query and form together; an empty value counts as not given.

    Raises:
        InvalidRequestError: a field is given twice.
    """
    fields: dict[str, str] = {}
    for source in sources:
        for name, value in source:
            if name in fields:
                raise InvalidRequestError(f"{name} is given twice.", param=name)
            if value.strip():
                fields[name] = value.strip()
    return fields


def read_query(incoming: IncomingRequest, model: type[_OptionsT]) -> tuple[_OptionsT, Route | None]:
    """Returns the options of the query, and what serves them unless a form may change them.

    Refuses what no form can make right, before a long body is read.

    Args:
        incoming: whose body was not read yet.
        model: of the options.

    Raises:
        InvalidRequestError: an option is unknown or wrong, or cannot be served.
    """
    options = parse_options(model, gather(incoming.query))
    incoming.set_timeout(options.timeout)
    if not incoming.content_type.is_multipart:
        return options, route_transcription(incoming.state, options, detect=True)
    if options.url is not None:
        incoming.state.need_fetcher().check(options.url)
    # The form may still name the model, which decides what other options are accepted.
    if options.model is not None:
        incoming.state.service.transcriber.route(
            options.model, options.language, decoding_options(options), detect=True
        )
    return options, None


def read_form(
    incoming: IncomingRequest, uploads: Uploads, model: type[_OptionsT]
) -> tuple[_OptionsT, Route]:
    """Returns the options of query and form together, and what serves them; raises the same."""
    options = parse_options(model, gather(incoming.query, uploads.fields))
    route = route_transcription(incoming.state, options, detect=True)
    incoming.set_timeout(options.timeout)
    return options, route


def route_transcription(
    state: AppState, options: TranscribeOptions, *, detect: bool = False
) -> Route:
    """Returns what serves a request; refuses what cannot be served.

    Args:
        state: of the service.
        options: of the request.
        detect: whether the language may be left to the speech.
    """
    check_format_options(options, options.response_format)
    if options.known_speakers:
        state.known_speakers.check_enabled()
    if options.url is not None:
        state.need_fetcher().check(options.url)
    state.service.transcriber.check_diarization(diarization_options(options))
    return state.service.transcriber.route(
        options.model,
        options.language,
        decoding_options(options),
        formatting_options(options),
        redaction_options(options),
        detect=detect,
    )


async def requested_diarization(
    state: AppState, options: TranscribeOptions, owner: str
) -> DiarizationOptions | None:
    """Returns how speakers are told apart; None where they are not.

    Args:
        state: of the service.
        options: of the request.
        owner: of the known speakers, where the options use them.

    Raises:
        InvalidRequestError: as `diarization_options`, or the operator allows no known speakers.
        JobsUnavailableError: the database cannot be read.
    """
    diarization = diarization_options(options)
    if diarization is None or not options.known_speakers:
        return diarization
    return replace(diarization, known=await state.known_speakers.voices(owner))


def read_align_query(incoming: IncomingRequest, model: type[_AlignT]) -> _AlignT:
    """Returns the options of the query of an alignment; raises as `read_query`."""
    options = parse_options(model, gather(incoming.query))
    incoming.set_timeout(options.timeout)
    # A form may still name the model.
    if options.model is not None or not incoming.content_type.is_multipart:
        incoming.state.service.transcriber.route(options.model, options.language)
    return options


def read_align_form(
    incoming: IncomingRequest, uploads: Uploads, model: type[_AlignT]
) -> tuple[_AlignT, str, Route]:
    """Returns the options of query and form together, the text, and what serves them.

    Raises:
        InvalidRequestError: an option is unknown or wrong, or there is no text.
    """
    options = parse_options(model, gather(incoming.query, uploads.fields))
    incoming.set_timeout(options.timeout)
    if options.text is None:
        raise InvalidRequestError(
            "There is no `text`; send the spoken text as a field of the form.", param="text"
        )
    route = incoming.state.service.transcriber.route(options.model, options.language)
    return options, options.text, route


def recordings(uploads: Uploads, url: str | None) -> Sequence[RecordingFile | str]:
    """Returns the recordings of a request: its files, or the URL of one.

    Raises:
        InvalidRequestError: there are none, or both.
    """
    if url is None:
        return uploads.require()
    if not uploads.empty:
        raise InvalidRequestError("There is audio and a `url`; accepted: one of them.", param="url")
    return (url,)
