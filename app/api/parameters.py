"""Query and form fields in, checked parameters out; a typing mistake is refused by name."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.decoding import DecodingOptions, Hotword
from app.decoding.options import (
    MAX_ALPHA,
    MAX_BEAM_WIDTH,
    MAX_BETA,
    MAX_HOTWORDS,
    MAX_N_BEST,
    MIN_PRUNE_LOGP,
    MIN_TOKEN_LOGP,
)
from app.errors import InvalidRequestError
from app.itn import ReadableOptions

TIMEOUT_HEADER = "x-request-timeout"

ResponseFormat = Literal["json", "text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm"]

_MAX_URL_CHARACTERS = 8192
_ModelT = TypeVar("_ModelT", bound=BaseModel)


# Of every route that takes recordings.
TRACK: Any = Field(
    None,
    max_length=100,
    description="Which audio track to read: its index, from 0, or a language tag such as nob; the "
    "best one by default.",
    examples=["1"],
)
STRICT: Any = Field(
    False,
    description="Whether to refuse what would be read with an entry in `warnings`, such as a "
    "damaged place that players skip.",
)


class TextParameters(BaseModel):
    """What every route of the native protocol takes that turns speech into text."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None, description="Id or hub id of a loaded model.", examples=["demo-nn"]
    )
    language: str | None = Field(
        None,
        description="Chooses the model where none is named: nn, nb, no, da, or a name of these.",
        examples=["nn"],
    )
    decoder: Literal["auto", "greedy", "beam", "greedy+lm"] = Field(
        "auto",
        description="How text is read off the emissions. auto: a beam with the language model "
        "where the model has one, or where an option of the beam is given; greedy otherwise.",
    )
    beam_width: int | None = Field(
        None, ge=1, le=MAX_BEAM_WIDTH, description="Readings kept after each frame; 100."
    )
    alpha: float | None = Field(
        None,
        ge=-MAX_ALPHA,
        le=MAX_ALPHA,
        description="Weight of the language model; its own by default.",
    )
    beta: float | None = Field(
        None,
        ge=-MAX_BETA,
        le=MAX_BETA,
        description="Bonus for each word; the model's by default.",
    )
    prune_logp: float | None = Field(
        None,
        ge=MIN_PRUNE_LOGP,
        le=0,
        description="Readings this far below the best are dropped; -10.",
    )
    min_token_logp: float | None = Field(
        None, ge=MIN_TOKEN_LOGP, le=0, description="Tokens below this are not tried; -5."
    )
    hotwords: str | None = Field(
        None,
        description="Words that are expected, comma-separated, each with a weight after a colon "
        "if 10 is not wanted.",
        examples=["Stortinget, Ås:12, votering:6.5"],
    )
    n_best: int = Field(
        1, ge=1, le=MAX_N_BEST, description="Above 1, `alternatives` lists so many readings."
    )
    lm: str | None = Field(
        None, description="One of the language models beside the model.", examples=["parliament"]
    )
    format_text: bool = Field(
        False,
        description="Whether to add `formatted_text`, with sentences and digits, and its words and "
        "segments; `text` stays as it was said.",
    )
    remove_hesitations: bool = Field(
        False, description="With format_text: leaves out eee, mmm, øh and the like there."
    )
    mask_profanities: bool = Field(
        False, description="With format_text: writes f*** there for words of a list."
    )
    words: bool = Field(True, description="Whether to list the words with their times.")

    @field_validator("hotwords")
    @classmethod
    def _check_hotwords(cls, value: str | None) -> str | None:
        parse_hotwords(value)
        return value

    def decoding(self) -> DecodingOptions:
        """What is asked of the decoder."""
        return DecodingOptions(
            decoder=self.decoder,
            beam_width=self.beam_width,
            alpha=self.alpha,
            beta=self.beta,
            prune_logp=self.prune_logp,
            min_token_logp=self.min_token_logp,
            hotwords=parse_hotwords(self.hotwords),
            n_best=self.n_best,
            lm=self.lm,
        )

    def readable(self) -> ReadableOptions | None:
        """How to write the readable text; None where none is asked for.

        Raises:
            InvalidRequestError: something is asked of a readable text that is not asked for.
        """
        if self.format_text:
            return ReadableOptions(
                remove_hesitations=self.remove_hesitations, mask_profanities=self.mask_profanities
            )
        for name in ("remove_hesitations", "mask_profanities"):
            if getattr(self, name):
                # Taken for granted, it would leave its caller with `text` as it was said.
                raise InvalidRequestError(
                    f"{name} changes only formatted_text; accepted with it: format_text=true.",
                    param=name,
                )
        return None


class TranscribeParameters(TextParameters):
    """The parameters of POST /transcribe, each in the query or in the form."""

    response_format: ResponseFormat = Field(
        "json", description="What to answer with: JSON, plain text, subtitles or annotations."
    )
    word_cues: bool = Field(False, description="With vtt: marks when each word is said.")
    url: str | None = Field(
        None,
        max_length=_MAX_URL_CHARACTERS,
        description="Where the recording is, instead of a file. Only hosts that the operator "
        "allows; none by default.",
        examples=["https://archive.example.org/speech.mp3"],
    )
    track: str | None = TRACK
    strict: bool = STRICT
    encoding: str | None = Field(
        None, description="Says that the body is raw samples in this encoding.", examples=["s16le"]
    )
    rate: int | None = Field(None, description="Of raw samples, in Hz.", examples=[16000])
    channels: int | None = Field(None, description="Of raw samples; 1 by default.", examples=[1])
    timeout: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which no answer is wanted; also as header x-request-timeout.",
    )

    def check_word_cues(self) -> None:
        """Refuse word cues where the answer would not have them.

        Raises:
            InvalidRequestError: the answer is not WebVTT.
        """
        if self.word_cues and self.response_format != "vtt":
            raise InvalidRequestError(
                "word_cues marks the words of WebVTT; accepted with it: response_format=vtt.",
                param="word_cues",
            )


def parse_hotwords(text: str | None) -> tuple[Hotword, ...]:
    """Read `word, two words:8, word:-2`.

    Raises:
        ValueError: a word is missing, a weight is no number, or there are too many.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(parts) > MAX_HOTWORDS:
        raise ValueError(f"there are {len(parts)} hotwords, at most {MAX_HOTWORDS}")
    hotwords = []
    for part in parts:
        word, colon, weight = part.rpartition(":")
        try:
            hotwords.append(Hotword(word.strip(), float(weight)) if colon else Hotword(part))
        except ValueError:
            raise ValueError(
                f"{part!r} is no hotword; accepted: a word, or word:weight with a number"
            ) from None
    return tuple(hotwords)


def gather(*sources: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the fields of query and form; an empty value counts as not given.

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


def parse(model: type[_ModelT], fields: Mapping[str, str]) -> _ModelT:
    """Check the fields of a request.

    Raises:
        InvalidRequestError: a field is unknown or wrong; says what is accepted.
    """
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        issue = error.errors(include_url=False)[0]
        name = str(issue["loc"][0])
        raise InvalidRequestError(_explain(name, issue["type"], issue, model), param=name) from None


def deadline_of(request: Request, timeout: float | None = None) -> float | None:
    """The instant of `time.monotonic` after which a request's answer is of no use, or None.

    It is noted in `request.state.deadline`.

    Args:
        request: the header `x-request-timeout` counts where no timeout is given.
        timeout: seconds from the request's beginning.

    Raises:
        InvalidRequestError: the header is no number above 0.
    """
    seconds = timeout or _parse_timeout(request.headers.get(TIMEOUT_HEADER))
    started: float = request.state.started
    deadline = None if seconds is None else started + seconds
    # It holds for the body that is still to come, too.
    request.state.deadline = deadline
    return deadline


def _parse_timeout(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidRequestError(
            f"{TIMEOUT_HEADER} is {header!r}; accepted: seconds above 0.", param=TIMEOUT_HEADER
        )
    return seconds


def openapi_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The query parameters of an OpenAPI operation, from the fields of a model."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema,
         "description": schema.get("description", "")}
        for name, schema in model.model_json_schema()["properties"].items()
    ]  # fmt: skip


def _explain(name: str, kind: str, issue: Mapping[str, Any], model: type[BaseModel]) -> str:
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
