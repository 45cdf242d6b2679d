"""Converts the options that a client gives into those of the parts of the pipeline."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.contract.options import ResponseFormat, TextOptions, parse_hotwords
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError
from app.itn import FormattingOptions

_ModelT = TypeVar("_ModelT", bound=BaseModel)


def parse_options(model: type[_ModelT], given: Mapping[str, str]) -> _ModelT:
    """Returns the options that the fields of a request give.

    Args:
        model: an option model of the contract, or of another protocol.
        given: values by name, as text.

    Raises:
        InvalidRequestError: a field is unknown or wrong; the message lists what is accepted.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        issue = error.errors(include_url=False)[0]
        name = str(issue["loc"][0])
        raise InvalidRequestError(_explain(name, issue, model), param=name) from None


def decoding_options(options: TextOptions) -> DecodingOptions:
    """Returns the decoder's part of the options: those of the same names.

    None there takes the model's default.
    """
    given = {field.name: getattr(options, field.name) for field in fields(DecodingOptions)}
    hotwords = tuple(Hotword(*hotword) for hotword in parse_hotwords(options.hotwords))
    return DecodingOptions(**given | {"hotwords": hotwords})


def formatting_options(options: TextOptions) -> FormattingOptions | None:
    """Returns how to write the formatted text; None where the request has no `format_text`.

    Raises:
        InvalidRequestError: an option of the formatted text is given without `format_text`.
    """
    if options.format_text:
        return FormattingOptions(
            remove_hesitations=options.remove_hesitations,
            mask_profanities=options.mask_profanities,
        )
    for name in ("remove_hesitations", "mask_profanities"):
        if getattr(options, name):
            # Ignored, it would leave its caller with the unchanged `text`.
            raise InvalidRequestError(
                f"{name} changes only formatted_text; accepted with it: format_text=true.",
                param=name,
            )
    return None


def hotwords_option(hotwords: Iterable[Hotword]) -> str | None:
    """Returns the option `hotwords` for words that another protocol gave; None for none.

    A comma would end a word there, and no model writes one.
    """
    words = [
        f"{' '.join(hotword.text.replace(',', ' ').split())}:{hotword.weight!r}"
        for hotword in hotwords
    ]
    return ", ".join(words) or None


def check_word_cues(response_format: ResponseFormat, *, word_cues: bool) -> None:
    """Refuses word cues where the answer would not have them.

    Raises:
        InvalidRequestError: the answer is not WebVTT.
    """
    if word_cues and response_format != "vtt":
        raise InvalidRequestError(
            "word_cues marks the words of WebVTT; accepted with it: response_format=vtt.",
            param="word_cues",
        )


def _explain(name: str, issue: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Returns a message for the first problem that pydantic found with a field."""
    kind = issue["type"]
    if kind == "extra_forbidden":
        accepted = ", ".join(model.model_fields)
        return f"There is no parameter {name!r}; accepted: file, {accepted}."
    given = issue.get("input")
    if kind == "literal_error":
        accepted = str(issue["ctx"]["expected"]).replace("'", "")
        return f"{name} is {given!r}; accepted: {accepted}."
    if kind.startswith("bool"):
        return f"{name} is {given!r}; accepted: true, false."
    if kind.startswith("int"):
        return f"{name} is {given!r}; accepted: a whole number."
    reason = str(issue["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return f"{name} is {given!r}: {reason}."
