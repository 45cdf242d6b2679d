"""What a caller may ask for, with the server's names and types; text for the wire out."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

Hotwords: TypeAlias = str | Sequence[str] | Mapping[str, float]
"""`"Stortinget, Ås:12"`, or the words, or the words with their weights."""

Decoder: TypeAlias = Literal["auto", "greedy", "beam", "greedy+lm"]
Encoding: TypeAlias = Literal["s16le", "s16be", "f32le", "mulaw", "alaw"]


class _ModelOptions(TypedDict, total=False):
    """Who listens: a model by its id, or the one that serves a language."""

    model: str | None
    language: str | None


class _TextOptions(_ModelOptions, total=False):
    """How text is read and written; docs/decoding.md explains each."""

    decoder: Decoder | None
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
    `timeout` is in seconds, after which no answer is wanted.
    """

    track: int | str | None
    strict: bool | None
    encoding: Encoding | None
    rate: int | None
    channels: int | None
    timeout: float | None


class TranscribeOptions(_TextOptions, _SoundOptions, total=False):
    """The parameters of POST /transcribe; `url` only where the operator allows its host."""

    url: str | None
    word_cues: bool | None


class AlignOptions(_ModelOptions, _SoundOptions, total=False):
    """The parameters of POST /align but for the text."""

    characters: bool | None


class LiveOptions(_TextOptions, total=False):
    """The parameters of WS /stream but for the sound's; times are in seconds."""

    partials: bool | None
    endpoint_silence: float | None
    vad_threshold: float | None
    max_utterance: float | None


def as_fields(options: Mapping[str, Any]) -> dict[str, str]:
    """Write options as the server reads them; what is None is left out."""
    return {name: _as_text(value) for name, value in options.items() if value is not None}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{word}:{weight:g}" for word, weight in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(item) for item in value)
    return str(value)
