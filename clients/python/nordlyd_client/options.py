"""The keywords of the clients' calls, as types, and how they are written as fields of a request.

Names are those of the contract's option models; a test compares them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

from nordlyd_client.contract.layout import SubtitleRulesName
from nordlyd_client.contract.options import DecoderName, Encoding

Hotwords: TypeAlias = str | Sequence[str] | Mapping[str, float]
"""`"Stortinget, Ås:12"`, or the words, or the words with their weights."""


class _ModelOptions(TypedDict, total=False):
    """The model by its id, or the one that serves a language.

    For a recording `language` may be `auto` or `auto-each`: its speech then decides.
    """

    model: str | None
    language: str | None


class _TextOptions(_ModelOptions, total=False):
    """How text is decoded and written; docs/decoding.md explains each."""

    decoder: DecoderName | None
    beam_width: int | None
    alpha: float | None
    beta: float | None
    prune_logp: float | None
    min_token_logp: float | None
    hotwords: Hotwords | None
    n_best: int | None
    lm: str | None
    format_text: bool | None
    remove_hesitations: bool | None
    mask_profanities: bool | None
    words: bool | None


class _SoundOptions(TypedDict, total=False):
    """How the recording is read, with three only for raw samples.

    `track` is an index or a language tag; `strict` refuses what would be read with a warning;
    `timeout` is in seconds, after which the server drops the request.
    """

    track: int | str | None
    strict: bool | None
    encoding: Encoding | None
    rate: int | None
    timeout: float | None


class LayoutOptions(TypedDict, total=False):
    """What text, md, f4 and docx show, and the rules of subtitles; docs/formats.md has both."""

    speakers: bool | None
    times: bool | None
    paragraphs: bool | None
    mark_unsure: bool | None
    subtitles: SubtitleRulesName | None
    reading_speed: float | None


class _RedactOptions(TypedDict, total=False):
    """`redact` is what to mask, and `redact_names` the names among it."""

    redact: str | Sequence[str] | None
    redact_names: str | Sequence[str] | None


class TranscribeOptions(_TextOptions, _SoundOptions, _RedactOptions, LayoutOptions, total=False):
    """The parameters of POST /transcribe; `url` only where the operator allows its host.

    `channels` is how many raw samples have, or `separate` to transcribe each apart. `diarize`
    labels words with who speaks; the number of speakers, or its limits, may be given with it, and
    with `known_speakers` those that `Client.speakers` has get their names.
    """

    channels: int | Literal["separate"] | None
    diarize: bool | None
    num_speakers: int | None
    min_speakers: int | None
    max_speakers: int | None
    known_speakers: bool | None
    url: str | None
    word_cues: bool | None


class AlignOptions(_ModelOptions, _SoundOptions, total=False):
    """The parameters of POST /align but for the text."""

    channels: int | None
    characters: bool | None


class JobOptions(TranscribeOptions, total=False):
    """The parameters of POST /jobs; `text` and `characters` are of an alignment.

    `metadata` is repeated in every answer; `expires_in` is in seconds after the job's end.
    """

    text: str | None
    characters: bool | None
    metadata: Mapping[str, Any] | None
    webhook_url: str | None
    expires_in: float | None


class LiveOptions(_TextOptions, _RedactOptions, total=False):
    """The parameters of WS /stream but for those of the samples; times are in seconds."""

    partials: bool | None
    endpoint_silence: float | None
    vad_threshold: float | None
    max_utterance: float | None
    diarize: bool | None


def as_fields(options: Mapping[str, Any]) -> dict[str, str]:
    """Returns options as the server reads them; those that are None are left out."""
    return {name: _as_text(value) for name, value in options.items() if value is not None}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{word}:{weight:g}" for word, weight in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(item) for item in value)
    return str(value)
