"""The JSON of POST /v2/transcript in, the options of a job and of its answers out.

AssemblyAI's features that are not supported are refused where ignoring them would change the
answer.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.contract.options import (
    HOTWORD_WEIGHT,
    MAX_HOTWORDS,
    MAX_SPEAKERS,
    MAX_URL_CHARACTERS,
    TranscribeOptions,
)
from app.contract.redaction import RedactKind
from app.decoding import Hotword
from app.errors import InvalidRequestError
from app.itn import FormattingOptions
from app.pipeline.options import hotwords_option, parse_options
from app.untrusted import read_json

_REFUSED = {
    "audio_end_at": "recordings are transcribed whole",
    "audio_start_from": "recordings are transcribed whole",
    "auto_chapters": "there are no chapters",
    "auto_highlights": "there are no highlights",
    "content_safety": "content is not rated",
    "custom_spelling": "words are not replaced",
    "domain": "there are no models of a domain",
    "dual_channel": "all channels are mixed into one",
    "entity_detection": "entities are not detected",
    "iab_categories": "topics are not detected",
    "language_detection": "the language is not detected; name it in `language_code`",
    "multichannel": "all channels are mixed into one",
    "prompt": "the models take no prompt; name expected words in `keyterms_prompt`",
    "redact_pii_audio": "audio is not redacted",
    "redact_pii_return_unredacted": "what is masked is not kept",
    "sentiment_analysis": "sentiment is not analysed",
    "speech_threshold": "the share of speech is not measured",
    "speech_understanding": "transcripts are not sent to a language model",
    "summarization": "there are no summaries",
}
# They belong to features above, or change nothing here.
_IGNORED = frozenset(
    {
        "content_safety_confidence", "keyterms_prompt_options", "language_confidence_threshold",
        "language_detection_options", "redact_pii_audio_options", "redact_pii_audio_quality",
        "remove_audio_tags", "summary_model", "summary_type", "temperature",
    }
)  # fmt: skip
# AssemblyAI's own models, instead of which the language chooses one.
_ASSEMBLYAI_MODEL = re.compile(r"best|nano|conformer.*|slam[-_]?\d*|universal.*", re.IGNORECASE)
PII_POLICIES: Mapping[str, RedactKind] = {
    "credit_card_number": "card",
    "email_address": "email",
    "phone_number": "phone",
    "us_social_security_number": "national-id",
}
"""The policies of AssemblyAI's that are served, and what they mask."""
_BOOSTS = {"low": 0.5, "default": 1.0, "high": 2.0}

_Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]


class SpeakerOptions(BaseModel):
    """Limits for the number of speakers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    min_speakers_expected: int | None = Field(default=None, ge=1, le=MAX_SPEAKERS)
    max_speakers_expected: int | None = Field(default=None, ge=1, le=MAX_SPEAKERS)


class TranscriptParameters(BaseModel):
    """The JSON of POST /v2/transcript, as far as it is served."""

    model_config = ConfigDict(extra="forbid", strict=True)

    audio_url: str = Field(
        max_length=MAX_URL_CHARACTERS,
        description="The `upload_url` of POST /v2/upload, or an address on a host that the "
        "operator allows.",
    )
    language_code: str | None = Field(
        None, description="nn, nb, no, da, or a tag or name of these.", examples=["nb"]
    )
    language_codes: list[str] | None = Field(
        None, max_length=1, description="The same, as a list of one."
    )
    speech_model: str | None = Field(
        None,
        description="Id or hub id of a loaded model. A name of AssemblyAI's leaves the choice to "
        "the language.",
    )
    speech_models: list[str] | None = Field(None, description="The same; the first one counts.")
    punctuate: bool = Field(True, description="Sentences, capitals and commas.")
    format_text: bool = Field(True, description="The same with digits.")
    disfluencies: bool = Field(
        False, description="Whether eee, mmm, øh and the like stay in a text with sentences."
    )
    filter_profanity: bool = Field(False, description="Writes f*** for words of a list.")
    word_boost: list[_Word] = Field([], max_length=MAX_HOTWORDS, description="Expected words.")
    boost_param: Literal["low", "default", "high"] = Field(
        "default", description="How much they are expected."
    )
    keyterms_prompt: list[_Word] = Field(
        [], max_length=MAX_HOTWORDS, description="Expected words or phrases."
    )
    speaker_labels: bool = Field(False, description="Whether to tell who speaks.")
    speakers_expected: int | None = Field(
        None, ge=1, le=MAX_SPEAKERS, description="With speaker_labels: how many speak."
    )
    speaker_options: SpeakerOptions | None = Field(
        None, description="With speaker_labels: how many speak, at least and at most."
    )
    redact_pii: bool = Field(False, description="Whether to mask what the policies name.")
    redact_pii_policies: list[str] = Field(
        [],
        max_length=100,
        description=f"With redact_pii: {', '.join(PII_POLICIES)}; the last one masks national "
        "numbers.",
    )
    redact_pii_sub: Literal["hash", "entity_name"] = Field(
        "hash", description="What is written instead: ####, or [PHONE_NUMBER] and the like."
    )
    webhook_url: str | None = Field(
        None,
        max_length=MAX_URL_CHARACTERS,
        description="Where to send the id and the status once the transcript is ready.",
    )
    webhook_auth_header_name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$",
        description="A header that is sent there.",
    )
    webhook_auth_header_value: str | None = Field(
        None, pattern=r"^[\x20-\x7e]{1,4096}$", description="Its value."
    )

    @property
    def model(self) -> str | None:
        """Id of the model that is named; None leaves the choice to the language."""
        named = [*(self.speech_models or ()), *([self.speech_model] if self.speech_model else ())]
        ours = [name for name in named if not _ASSEMBLYAI_MODEL.fullmatch(name)]
        return ours[0] if ours else None

    @property
    def language(self) -> str | None:
        """Code, tag or name of the language; None takes the default."""
        code = self.language_code or next(iter(self.language_codes or ()), None)
        return None if code is None else code.replace("_", "-")

    @property
    def formatting(self) -> FormattingOptions | None:
        """How to write the text; None leaves it word for word."""
        if not self.punctuate:
            return None
        return FormattingOptions(
            numbers=self.format_text,
            remove_hesitations=not self.disfluencies,
            mask_profanities=self.filter_profanity,
        )

    @property
    def redact(self) -> tuple[RedactKind, ...]:
        """What is masked; policies have no effect without redact_pii."""
        if not self.redact_pii:
            return ()
        return tuple(dict.fromkeys(PII_POLICIES[policy] for policy in self.redact_pii_policies))

    def transcribe_options(self) -> TranscribeOptions:
        """Returns the options of POST /transcribe that do the same work.

        The text stays word for word there: it is formatted where the answer is made.

        Raises:
            InvalidRequestError: there are too many hotwords.
        """
        weight = HOTWORD_WEIGHT * _BOOSTS[self.boost_param]
        hotwords = [
            *(Hotword(word, weight) for word in self.word_boost),
            *(Hotword(word) for word in self.keyterms_prompt),
        ]
        given = {
            "model": self.model,
            "language": self.language,
            "hotwords": hotwords_option(hotwords),
            "redact": ", ".join(self.redact) or None,
            **self._speakers(),
        }
        return parse_options(
            TranscribeOptions, {name: value for name, value in given.items() if value is not None}
        )

    def _speakers(self) -> dict[str, str | None]:
        """Returns the options of speakers; what belongs to speaker_labels has no effect alone."""
        if not self.speaker_labels:
            return {}
        limits = self.speaker_options or SpeakerOptions()
        numbers = {
            "num_speakers": self.speakers_expected,
            "min_speakers": limits.min_speakers_expected,
            "max_speakers": limits.max_speakers_expected,
        }
        given = {name: str(number) for name, number in numbers.items() if number is not None}
        return {"diarize": "true", **given}


def parse_transcript(body: bytes) -> tuple[TranscriptParameters, dict[str, JsonValue]]:
    """Returns the parameters of a request, and its JSON as it was sent, for the answers to repeat.

    Raises:
        InvalidRequestError: it is no JSON object, or a parameter is unknown, wrong or not
            supported.
    """
    try:
        given = read_json(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidRequestError(
            'The body is no JSON object; accepted: one such as {"audio_url": "https://…"}.'
        )
    known: dict[str, JsonValue] = {}
    for name, value in given.items():
        if value is None or name in _IGNORED:
            continue
        if name not in _REFUSED:
            known[name] = value
        elif value not in (False, 0, "", [], {}):
            raise InvalidRequestError(
                f"{name} is not served: {_REFUSED[name]}. Leave it out.", param=name
            )
    parameters = _validated(known)
    if given.get("format_text") is True and not parameters.punctuate:
        raise InvalidRequestError(
            "format_text writes sentences; accepted with it: punctuate=true.", param="format_text"
        )
    _check_policies(parameters)
    if (parameters.webhook_auth_header_name is None) != (
        parameters.webhook_auth_header_value is None
    ):
        raise InvalidRequestError(
            "webhook_auth_header_name and webhook_auth_header_value are accepted together.",
            param="webhook_auth_header_name",
        )
    return parameters, known


def _check_policies(parameters: TranscriptParameters) -> None:
    """Refuses what is not masked here, where something is to be masked."""
    if not parameters.redact_pii:
        return
    param, accepted = "redact_pii_policies", ", ".join(PII_POLICIES)
    if not parameters.redact_pii_policies:
        raise InvalidRequestError(
            f"redact_pii is true without {param}; accepted: {accepted}.", param=param
        )
    for policy in parameters.redact_pii_policies:
        if policy not in PII_POLICIES:
            raise InvalidRequestError(
                f"{param} has {policy!r}, which is not found; accepted: {accepted}.", param=param
            )


def restore_parameters(kept: Mapping[str, JsonValue]) -> TranscriptParameters:
    """Returns the parameters that `parse_transcript` returned the JSON of."""
    return TranscriptParameters.model_validate(kept)


def _validated(known: dict[str, JsonValue]) -> TranscriptParameters:
    try:
        return TranscriptParameters.model_validate(known)
    except ValidationError as error:
        issue = error.errors(include_url=False)[0]
        name = ".".join(map(str, issue["loc"])) or "body"
        raise InvalidRequestError(_explain(name, issue), param=name) from None


def _explain(name: str, issue: Mapping[str, Any]) -> str:
    if issue["type"] == "missing":
        return f"There is no {name}; send the `upload_url` of POST /v2/upload, or an address."
    if issue["type"] == "extra_forbidden":
        accepted = ", ".join(TranscriptParameters.model_fields)
        return f"There is no parameter {name!r}; accepted: {accepted}."
    return f"{name}: {str(issue['msg']).removeprefix('Input ')}."
