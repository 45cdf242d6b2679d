"""Reads the `Vocabulary` from a checkpoint folder's tokenizer files.

Read directly rather than through transformers: its releases read the repeated AddedToken
dictionaries of 2022 as two extra tokens, which shifts no id but breaks the vocabulary's size.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.acoustic.files import read_json, read_optional_json
from app.errors import CheckpointError
from app.vocabulary import Vocabulary

_DEFAULTS = {
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "word_delimiter_token": "|",
}
_TOKENIZER = "tokenizer_config.json"


def read_vocabulary(
    folder: Path, *, head_size: int, pad_token_id: int, target_lang: str | None = None
) -> Vocabulary:
    """Reads `vocab.json` and what adds to it.

    Special and added tokens whose ids lie beyond the head are left out: the layout of 2021 has
    `<s>` and `</s>` there, which the model cannot emit.

    Args:
        folder: the checkpoint.
        head_size: rows of the CTC head; the vocabulary must have as many tokens.
        pad_token_id: from `config.json`, the CTC blank.
        target_lang: which vocabulary to take where the file holds one for each language.

    Raises:
        CheckpointError: files are missing, ids have gaps, or head and vocabulary differ.
    """
    base = _base_ids(folder, target_lang)
    added = _added_ids(folder)
    names = _special_names(folder)
    if language_codes(folder):
        # Added tokens are those of the language that was saved; the vocabulary goes first.
        taken = set(base.values())
        added = {t: i for t, i in added.items() if t not in base and i not in taken}
    ids = base | added
    droppable = added.keys() | {names[key] for key in names if key != "word_delimiter_token"}
    ids = {t: i for t, i in ids.items() if i < head_size or t not in droppable}
    _check_ids(folder, ids, head_size)
    tokens = tuple(sorted(ids, key=lambda token: ids[token]))

    blank = ids.get(names["pad_token"], pad_token_id)
    if blank != pad_token_id:
        raise CheckpointError(
            f"{folder}: the pad token {names['pad_token']!r} has id {blank} in the vocabulary, but"
            f" config.json has pad_token_id {pad_token_id}; the CTC blank must be one of them"
        )
    if not 0 <= blank < head_size:
        raise CheckpointError(
            f"{folder}: config.json has pad_token_id {blank}, but the CTC head has {head_size}"
            " outputs; the CTC blank must be one of them"
        )
    special = {
        ids[names[key]] for key in _DEFAULTS if key != "word_delimiter_token" if names[key] in ids
    }
    return Vocabulary(
        tokens=tokens,
        blank=blank,
        delimiter=ids.get(names["word_delimiter_token"]),
        special=frozenset(special | {blank}),
    )


def written_vocabulary(folder: Path, vocabulary: Vocabulary) -> Vocabulary:
    """Returns the vocabulary as its text is to be written: in lower case where `do_lower_case`.

    transformers' tokenizer with that option has capitals in its vocabulary and lower-cases what
    it decodes. Special tokens and the delimiter stay what they are.
    """
    if not read_optional_json(folder / _TOKENIZER).get("do_lower_case"):
        return vocabulary
    kept = vocabulary.special | {vocabulary.delimiter}
    tokens = tuple(
        token if index in kept else token.lower() for index, token in enumerate(vocabulary.tokens)
    )
    return replace(vocabulary, tokens=tokens)


def language_codes(folder: Path) -> tuple[str, ...]:
    """Returns the languages whose vocabularies `vocab.json` holds; none where it holds just one.

    Raises:
        CheckpointError: the file is missing or broken.
    """
    entries = read_json(folder / "vocab.json")
    return tuple(sorted(name for name, value in entries.items() if isinstance(value, dict)))


def tokenizer_language(folder: Path) -> str | None:
    """Returns the tokenizer's own `target_lang`, which is also that of the weights beside it.

    Raises:
        CheckpointError: `tokenizer_config.json` is broken.
    """
    language = read_optional_json(folder / _TOKENIZER).get("target_lang")
    return language if isinstance(language, str) and language else None


def listed(codes: tuple[str, ...], most: int = 10) -> str:
    """Returns language codes for a message, the first of them where there are many."""
    shown = ", ".join(codes[:most]) or "none"
    return f"{shown} and {len(codes) - most} more" if len(codes) > most else shown


def _base_ids(folder: Path, target_lang: str | None) -> dict[str, int]:
    path = folder / "vocab.json"
    codes = language_codes(folder)
    ids: Any = read_json(path)
    if codes:
        if target_lang is None and len(codes) == 1:
            target_lang = codes[0]
        if target_lang not in codes:
            raise CheckpointError(
                f"{path} holds vocabularies of {len(codes)} languages and none for target_lang"
                f" {target_lang!r}: {listed(codes)}"
            )
        ids = ids[target_lang]
    _check_integers(path, ids)
    return dict(ids)


def _check_integers(path: Path, ids: Mapping[str, object]) -> None:
    for token, index in ids.items():
        if not isinstance(index, int) or isinstance(index, bool):
            raise CheckpointError(f"{path}: token {token!r} has no integer id")


def _added_ids(folder: Path) -> dict[str, int]:
    added: dict[str, int] = {}
    path = folder / "added_tokens.json"
    added |= read_optional_json(path)
    _check_integers(path, added)
    path = folder / _TOKENIZER
    try:
        decoder = read_optional_json(path).get("added_tokens_decoder") or {}
        added |= {str(entry["content"]): int(index) for index, entry in decoder.items()}
    except (TypeError, KeyError, ValueError, AttributeError):
        raise CheckpointError(
            f"{path}: added_tokens_decoder must map ids to tokens with their content"
        ) from None
    return added


def _check_ids(folder: Path, ids: dict[str, int], head_size: int) -> None:
    by_id: dict[int, str] = {}
    for token, index in ids.items():
        if index in by_id:
            raise CheckpointError(
                f"{folder}: tokens {by_id[index]!r} and {token!r} share the id {index}"
            )
        by_id[index] = token
    if len(ids) != head_size:
        raise CheckpointError(
            f"{folder}: the CTC head has {head_size} outputs but the vocabulary {len(ids)} tokens"
            " (vocab.json with added tokens, without special ones beyond the head); they must be"
            " equal"
        )
    missing = sorted(set(range(head_size)) - set(by_id))
    if missing:
        raise CheckpointError(f"{folder}: the vocabulary has no token for the ids {missing[:5]}")


def _special_names(folder: Path) -> dict[str, str]:
    names: dict[str, str] = dict(_DEFAULTS)
    # The later file wins, as in transformers.
    for name in (_TOKENIZER, "special_tokens_map.json"):
        found = read_optional_json(folder / name)
        names |= {key: _content(found[key]) for key in _DEFAULTS if found.get(key) is not None}
    return names


def _content(value: object) -> str:
    """Returns the text of a token that is a string, or an AddedToken written as a dictionary."""
    if isinstance(value, dict):
        return str(value["content"])
    return str(value)
