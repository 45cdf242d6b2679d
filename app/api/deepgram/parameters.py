"""Parses the query of POST /v1/listen into options of the pipeline and of the response.

Deepgram's features that are not supported are refused where ignoring them would change the answer.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.audio import RawFormat
from app.contract.options import (
    HOTWORD_WEIGHT,
    MAX_HOTWORDS,
    MAX_N_BEST,
    MAX_URL_CHARACTERS,
    TranscribeOptions,
)
from app.contract.redaction import RedactKind
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError
from app.itn import FormattingOptions
from app.pipeline.options import hotwords_option, parse_options
from app.redaction import RedactionOptions
from app.speakers import DiarizationOptions

CallbackMethod: TypeAlias = Literal["POST", "PUT"]

_REDACT = "redact"
LISTS = {
    "keywords": "Expected words, each `word` or `word:intensifier`; the weight of a hotword is 10 "
    "times the intensifier.",
    "keyterm": "Expected words or phrases.",
    _REDACT: "What is masked: ssn (national numbers), credit_card, phone_number, email_address.",
}
"""Parameters that may be given more than once."""

_IGNORED = frozenset(
    {
        "version", "tier", "tag", "extra", "mip_opt_out", "language_hint",
        "custom_topic_mode", "custom_intent_mode",
    }
)  # fmt: skip
_REFUSED = {
    "custom_intent": "intents are not detected",
    "custom_topic": "topics are not detected",
    "detect_entities": "entities are not detected",
    "detect_language": "the language is not detected; name it in `language`",
    "diarize_model": "there is one way to tell speakers apart, diarize=true",
    "dictation": "spoken punctuation commands are not interpreted",
    "intents": "intents are not detected",
    "measurements": "units are not abbreviated",
    "replace": "words are not replaced",
    "search": "there is no search",
    "sentiment": "sentiment is not analysed",
    "summarize": "there are no summaries",
    "topics": "topics are not detected",
}
_OFF = frozenset({"false", "0", "no", "off"})
# Deepgram's groups (pci, pii, phi, numbers) have kinds that are not found here: who requests one
# must not get a text with some of them left.
_ENTITIES: Mapping[str, RedactKind] = {
    "ssn": "national-id",
    "credit_card": "card",
    "phone_number": "phone",
    "email_address": "email",
}

# Deepgram's own models, instead of which the language chooses one.
_DEEPGRAM_MODEL = re.compile(
    r"(nova|enhanced|base|whisper|flux)([-_].*)?|"
    r"general|meeting|phonecall|voicemail|finance|conversationalai|video|medical|drivethru|"
    r"automotive",
    re.IGNORECASE,
)
_RAW_ENCODINGS = {
    "linear16": "s16le",
    "linear32": "f32le",
    "mulaw": "mulaw",
    "alaw": "alaw",
}
_BY_CONTENT = ("flac", "opus", "ogg-opus", "speex", "amr-nb", "amr-wb")


class ListenParameters(BaseModel):
    """The parameters of POST /v1/listen that may be given once."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None,
        description="Id or hub id of a loaded model. A name of Deepgram's, such as nova-3, leaves "
        "the choice to the language.",
        examples=["nova-3", "demo-nb"],
    )
    language: str | None = Field(
        None, description="nn, nb, no, da, or a tag or name of these.", examples=["da-DK"]
    )
    punctuate: bool = Field(False, description="Sentences, capitals and commas.")
    smart_format: bool = Field(False, description="The same with digits and paragraphs.")
    paragraphs: bool = Field(False, description="Sentences, and paragraphs of them.")
    numerals: bool = Field(False, description="Numbers in digits; brings sentences with it.")
    profanity_filter: bool = Field(
        False, description="Writes f*** for words of a list; brings sentences with it."
    )
    filler_words: bool = Field(
        False,
        description="Whether eee, mmm, øh and the like stay in a text with sentences. Without "
        "sentences the text is word for word.",
    )
    utterances: bool = Field(False, description="Whether to list the utterances between pauses.")
    utt_split: float = Field(
        0.8, gt=0, allow_inf_nan=False, description="Pause in seconds that ends an utterance."
    )
    alternatives: int = Field(1, ge=1, le=MAX_N_BEST, description="How many hypotheses to list.")
    encoding: str | None = Field(
        None, description="Of raw samples: linear16, linear32, mulaw or alaw."
    )
    sample_rate: int | None = Field(None, description="Of raw samples, in Hz.")
    channels: int | None = Field(None, description="Of raw samples; 1 by default.")
    diarize: bool = Field(False, description="Whether to tell who speaks.")
    multichannel: bool = Field(
        False, description="Whether to transcribe each channel apart instead of all, mixed."
    )
    callback: str | None = Field(
        None,
        max_length=MAX_URL_CHARACTERS,
        description="Where to send the answer once it is ready; the request is then answered with "
        "its id at once. Only hosts that the operator allows.",
    )
    callback_method: CallbackMethod = Field("POST", description="How it is sent: POST or PUT.")

    @field_validator("callback_method", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """The checked options of one request.

    Attributes:
        model: id or hub id of a loaded model; None lets the language choose.
        language: code, tag or name; None takes the default.
        raw: the format of raw samples; None where the bytes have a format of their own.
        decoding: how to decode the emissions.
        formatting: how to write the formatted text; None leaves the text word for word.
        redact: what is masked; empty for nothing.
        multichannel: whether each channel is transcribed apart.
        diarize: whether speakers are told apart.
        paragraphs: whether the answer has paragraphs.
        utterance_pause: in seconds, longer pauses separate utterances; None lists none.
        callback: where to send the answer once it is ready; None answers the request with it.
        callback_method: how it is sent.
    """

    model: str | None
    language: str | None
    raw: RawFormat | None
    decoding: DecodingOptions
    formatting: FormattingOptions | None
    redact: tuple[RedactKind, ...]
    multichannel: bool
    diarize: bool
    paragraphs: bool
    utterance_pause: float | None
    callback: str | None
    callback_method: CallbackMethod

    @property
    def diarization(self) -> DiarizationOptions | None:
        """How many speakers are told apart; None for none."""
        return DiarizationOptions() if self.diarize else None

    @property
    def redaction(self) -> RedactionOptions | None:
        """What is masked; None for nothing."""
        return RedactionOptions(frozenset(self.redact)) if self.redact else None

    def transcribe_options(self) -> dict[str, object]:
        """Returns the options of POST /transcribe that do the same work.

        The text stays word for word there: it is formatted where the answer is made.

        Raises:
            InvalidRequestError: there are too many hotwords, or raw samples of several channels
                are to be transcribed apart.
        """
        given = {
            "model": self.model,
            "language": self.language,
            "hotwords": hotwords_option(self.decoding.hotwords),
            "n_best": str(self.decoding.n_best) if self.decoding.n_best > 1 else None,
            "diarize": "true" if self.diarize else None,
            "redact": ", ".join(self.redact) or None,
        }
        if self.raw is not None:
            given |= {
                "encoding": self.raw.encoding,
                "rate": str(self.raw.rate),
                "channels": str(self.raw.channels),
            }
        if self.multichannel:
            if self.raw is not None and self.raw.channels > 1:
                raise InvalidRequestError(
                    "multichannel is true with raw samples; accepted with `callback`: a file that "
                    "has its channels in its header.",
                    param="multichannel",
                )
            given["channels"] = "separate"
        present = {name: value for name, value in given.items() if value is not None}
        return parse_options(TranscribeOptions, present).model_dump(exclude_unset=True)


def parse_listen(query: Iterable[tuple[str, str]]) -> ListenOptions:
    """Returns the options of a query.

    Raises:
        InvalidRequestError: a parameter is unknown, wrong, given twice or not supported.
    """
    single: dict[str, str] = {}
    several: dict[str, list[str]] = {name: [] for name in LISTS}
    for name, value in query:
        given = value.strip()
        if not given or name in _IGNORED:
            continue
        if name in LISTS:
            several[name].append(given)
        elif name in _REFUSED:
            if given.lower() not in _OFF:
                raise InvalidRequestError(
                    f"{name} is not served: {_REFUSED[name]}. Leave it out.", param=name
                )
        elif name not in ListenParameters.model_fields:
            known = ", ".join((*ListenParameters.model_fields, *LISTS))
            raise InvalidRequestError(
                f"There is no parameter {name!r}; accepted: {known}.", param=name
            )
        elif name in single:
            raise InvalidRequestError(f"{name} is given twice.", param=name)
        else:
            single[name] = given
    parameters = parse_options(ListenParameters, single)
    if parameters.diarize and parameters.multichannel:
        raise InvalidRequestError(
            "diarize and multichannel are true; accepted: one of them, since with multichannel "
            "each channel is a speaker.",
            param="diarize",
        )
    return ListenOptions(
        model=_model(parameters.model),
        language=parameters.language,
        raw=_raw(parameters),
        decoding=DecodingOptions(
            hotwords=_hotwords(several["keywords"], several["keyterm"]),
            n_best=parameters.alternatives,
        ),
        formatting=_formatting(parameters),
        redact=_redact(several[_REDACT]),
        multichannel=parameters.multichannel,
        diarize=parameters.diarize,
        paragraphs=parameters.paragraphs or parameters.smart_format,
        utterance_pause=parameters.utt_split if parameters.utterances else None,
        callback=parameters.callback,
        callback_method=parameters.callback_method,
    )


def _model(name: str | None) -> str | None:
    return None if name is None or _DEEPGRAM_MODEL.fullmatch(name) else name


def _formatting(parameters: ListenParameters) -> FormattingOptions | None:
    digits = parameters.smart_format or parameters.numerals
    written = parameters.punctuate or parameters.paragraphs or parameters.profanity_filter
    if not digits and not written:
        return None
    return FormattingOptions(
        numbers=digits,
        remove_hesitations=not parameters.filler_words,
        mask_profanities=parameters.profanity_filter,
    )


def _redact(entities: Iterable[str]) -> tuple[RedactKind, ...]:
    kinds: dict[RedactKind, None] = {}
    for entity in entities:
        if (kind := _ENTITIES.get(entity.lower())) is not None:
            kinds[kind] = None
        elif entity.lower() not in _OFF:
            raise InvalidRequestError(
                f"redact is {entity!r}, of which not everything is found; accepted: "
                f"{', '.join(_ENTITIES)}.",
                param=_REDACT,
            )
    return tuple(kinds)


def _raw(parameters: ListenParameters) -> RawFormat | None:
    name = (parameters.encoding or "").lower()
    if name in _BY_CONTENT:
        return None
    if name and name not in _RAW_ENCODINGS:
        raise InvalidRequestError(
            f"encoding is {parameters.encoding!r}; accepted: {', '.join(_RAW_ENCODINGS)}, and by "
            f"their content: {', '.join(_BY_CONTENT)}.",
            param="encoding",
        )
    if not name:
        # Deepgram's clients also send the rate of files that have a header.
        return None
    if parameters.sample_rate is None:
        raise InvalidRequestError(
            f"Raw samples need their rate, as in `encoding={name}&sample_rate=16000`.",
            param="sample_rate",
        )
    return RawFormat(
        rate=parameters.sample_rate,
        encoding=_RAW_ENCODINGS[name],
        channels=1 if parameters.channels is None else parameters.channels,
    )


def _hotwords(keywords: list[str], keyterms: list[str]) -> tuple[Hotword, ...]:
    hotwords = [_keyword(text) for text in keywords] + [Hotword(text) for text in keyterms]
    if len(hotwords) > MAX_HOTWORDS:
        raise InvalidRequestError(
            f"There are {len(hotwords)} keywords and keyterms; accepted: at most {MAX_HOTWORDS}.",
            param="keywords" if keywords else "keyterm",
        )
    return tuple(hotwords)


def _keyword(text: str) -> Hotword:
    word, colon, intensifier = text.rpartition(":")
    try:
        if not colon:
            return Hotword(text)
        return Hotword(word.strip(), HOTWORD_WEIGHT * float(intensifier))
    except ValueError:
        raise InvalidRequestError(
            f"{text!r} is no keyword; accepted: a word, or word:intensifier with a number.",
            param="keywords",
        ) from None
