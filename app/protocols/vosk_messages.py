"""Reads the text messages of vosk's clients, and writes results as vosk's JSON.

Forms and spacing are those of vosk-api's `recognizer.cc` and `json.h`, version 0.3.50.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from app.audio import RawFormat
from app.contract.options import MAX_HOTWORDS, MAX_N_BEST
from app.decoding import DecodingOptions, Hotword
from app.errors import InvalidRequestError
from app.streaming import FinalResult, LiveWord
from app.untrusted import read_json

_QUERY = ("language", "model")
_KEY = "key"
_UNKNOWN = "[unk]"
_COMMANDS = '{"config": {…}}, {"eof": 1} or {"reset": 1}'

Command: TypeAlias = Literal["eof", "reset"]
Json: TypeAlias = "dict[str, Json] | list[Json] | str | float"
Alternative: TypeAlias = tuple[str, float, tuple[LiveWord, ...]]


@dataclass(frozen=True, slots=True)
class VoskConfig:
    """The settings of one connection; the defaults are vosk-server's.

    `phrases` are hotwords, not a grammar. `max_alternatives` of 0 gives the plain form of a result.
    """

    sample_rate: int = 8000
    words: bool = True
    max_alternatives: int = 0
    phrases: tuple[str, ...] = ()
    model: str | None = None
    language: str | None = None

    def updated(self, fields: dict[str, object]) -> "VoskConfig":
        """Returns the settings with the fields of a `config` message; unknown fields are ignored.

        Raises:
            InvalidRequestError: a field is wrong.
        """
        changes: dict[str, object] = {}
        if "sample_rate" in fields:
            changes["sample_rate"] = RawFormat(_whole(fields, "sample_rate")).rate
        if "words" in fields:
            words = fields["words"]
            if not isinstance(words, bool | int | float):
                raise _wrong("words", words, "true or false")
            changes["words"] = bool(words)
        if "max_alternatives" in fields:
            changes["max_alternatives"] = min(_whole(fields, "max_alternatives"), MAX_N_BEST)
        if "phrase_list" in fields:
            changes["phrases"] = _phrases(fields["phrase_list"])
        for name in _QUERY:
            value = fields.get(name)
            if isinstance(value, str) and value.strip():
                changes[name] = value.strip()
        return replace(self, **changes)  # type: ignore[arg-type]

    def decoding(self) -> DecodingOptions:
        """Returns the options of the decoder."""
        # Two at least: the score is only reported beside alternatives.
        n_best = min(max(self.max_alternatives, 2), MAX_N_BEST) if self.max_alternatives else 1
        return DecodingOptions(
            hotwords=tuple(Hotword(phrase) for phrase in self.phrases), n_best=n_best
        )


def config_of_path(path: str) -> VoskConfig:
    """Reads the settings in the address of a connection: `/?language=nn` or `/?model=demo-nn`.

    Raises:
        InvalidRequestError: the query has another parameter.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(path).query):
        if name == _KEY:
            continue
        if name not in _QUERY:
            raise InvalidRequestError(
                f"There is no {name!r} in an address; accepted: {' and '.join(_QUERY)}.", param=name
            )
        given[name] = value.strip()
    return VoskConfig(model=given.get("model") or None, language=given.get("language") or None)


def key_of_path(path: str) -> str:
    """Reads the API key in an address, as a value of `Authorization`; may be empty.

    For clients that are configured by an address alone.
    """
    keys = [value for name, value in parse_qsl(urlsplit(path).query) if name == _KEY]
    return f"Bearer {keys[0].encode().decode('latin-1')}" if keys else ""


def read_text(text: str, config: VoskConfig) -> VoskConfig | Command:
    """Reads a text message: new settings, or a command.

    Raises:
        InvalidRequestError: it is neither.
    """
    try:
        message = read_json(text)
    except ValueError:
        message = None
    if isinstance(message, dict):
        fields = message.get("config")
        if isinstance(fields, dict):
            return config.updated(fields)
        for command in ("eof", "reset"):
            if message.get(command):
                return "eof" if command == "eof" else "reset"
    shown = text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004
    raise InvalidRequestError(f"The message {shown!r} is not understood; accepted: {_COMMANDS}.")


def partial_result(text: str) -> str:
    """Writes a partial result."""
    return _dump({"partial": text})


def final(results: Sequence[FinalResult], *, words: bool, max_alternatives: int) -> str:
    """Writes the final results of some utterances as one.

    Args:
        results: in order; those without words are left out.
        words: whether to list the words.
        max_alternatives: how many hypotheses; 0 for the plain form.
    """
    with_words = [result for result in results if result.words]
    if max_alternatives:
        alternatives = [_alternatives(result) for result in with_words]
        count = min(max_alternatives, max(map(len, alternatives), default=0))
        if not count:
            return '{"alternatives" : [{"text": "", "confidence" : 1.0}] }'
        joined = [
            _join([each[min(k, len(each) - 1)] for each in alternatives]) for k in range(count)
        ]
        return _dump({"alternatives": [_alternative(each, words) for each in joined]})
    if not with_words:
        return '{"text": ""}'
    body: dict[str, Json] = {"text": " ".join(result.text for result in with_words)}
    if words:
        body["result"] = [
            {**_word(word), "conf": word.confidence}
            for result in with_words
            for word in result.words
        ]
    return _dump(body)


def _alternatives(result: FinalResult) -> tuple[Alternative, ...]:
    return result.alternatives or ((result.text, result.confidence or 0.0, result.words),)


def _join(alternatives: Sequence[Alternative]) -> Alternative:
    """Joins hypotheses of several utterances; their scores are logarithms, so they add up."""
    return (
        " ".join(text for text, _, _ in alternatives if text),
        sum(score for _, score, _ in alternatives),
        tuple(word for _, _, words in alternatives for word in words),
    )


def _alternative(alternative: Alternative, words: bool) -> Json:
    text, score, spoken = alternative
    body: dict[str, Json] = {"text": text, "confidence": float(score)}
    if words and spoken:
        body["result"] = [_word(word) for word in spoken]
    return body


def _word(word: LiveWord) -> dict[str, Json]:
    return {"word": word.word, "start": word.start, "end": word.end}


def _phrases(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(phrase, str) for phrase in value):
        raise _wrong("phrase_list", value, "a list of words and phrases")
    phrases = tuple(phrase for phrase in value if phrase.strip() and phrase.strip() != _UNKNOWN)
    if len(phrases) > MAX_HOTWORDS:
        raise InvalidRequestError(
            f"phrase_list has {len(phrases)} phrases; accepted: at most {MAX_HOTWORDS}.",
            param="phrase_list",
        )
    return phrases


def _whole(fields: dict[str, object], name: str) -> int:
    value = fields[name]
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not number.is_integer() or number < 0:
        raise _wrong(name, value, "a whole number")
    return int(number)


def _wrong(name: str, value: object, accepted: str) -> InvalidRequestError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:80]}…"  # noqa: PLR2004
    return InvalidRequestError(f"{name} is {shown}; accepted: {accepted}.", param=name)


def _dump(value: Json, depth: int = 1) -> str:
    """Writes JSON as vosk's own writer does: sorted names, six decimals, no escaped letters."""
    pad = "  " * depth
    match value:
        case dict():
            fields = (
                f"{pad}{_quoted(name)} : {_dump(item, depth + 1)}"
                for name, item in sorted(value.items())
            )
            return "{\n" + ",\n".join(fields) + "\n" + pad[2:] + "}"
        case list():
            return "[" + ", ".join(_dump(item, depth + 1) for item in value) + "]"
        case str():
            return _quoted(value)
        case _:
            return f"{value:.6f}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
