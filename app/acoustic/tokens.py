"""A checkpoint folder's tokenizer files → `Vocabulary`.

Read directly rather than through transformers: its releases read the repeated AddedToken
dictionaries of 2022 as two extra tokens, which shifts no id but breaks the vocabulary's size.
"""

from pathlib import Path

from app.acoustic.config import read_json
from app.errors import CheckpointError
from app.vocabulary import Vocabulary

_DEFAULTS = {
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "word_delimiter_token": "|",
}


def read_vocabulary(folder: Path, *, head_size: int, pad_token_id: int) -> Vocabulary:
    """Read `vocab.json` and what adds to it.

    Args:
        folder: the checkpoint.
        head_size: rows of the CTC head; the vocabulary must have as many tokens.
        pad_token_id: from `config.json`, the CTC blank.

    Raises:
        CheckpointError: files are missing, ids have gaps, or head and vocabulary differ.
    """
    ids = _base_ids(folder) | _added_ids(folder)
    _check_ids(folder, ids, head_size)
    tokens = tuple(sorted(ids, key=lambda token: ids[token]))

    names = _special_names(folder)
    blank = ids.get(names["pad_token"], pad_token_id)
    if blank != pad_token_id:
        raise CheckpointError(
            f"{folder}: the pad token {names['pad_token']!r} has id {blank} in the vocabulary, but"
            f" config.json says pad_token_id {pad_token_id}; the CTC blank must be one of them"
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


def _base_ids(folder: Path) -> dict[str, int]:
    ids = read_json(folder / "vocab.json")
    nested = [value for value in ids.values() if isinstance(value, dict)]
    if nested:
        # Multilingual checkpoints keep one vocabulary a language in the same file.
        if len(ids) != 1:
            raise CheckpointError(
                f"{folder / 'vocab.json'} holds vocabularies of {len(ids)} languages"
                f" ({', '.join(sorted(ids)[:5])} …); keep the one to serve"
            )
        ids = nested[0]
    for token, index in ids.items():
        if not isinstance(index, int):
            raise CheckpointError(f"{folder / 'vocab.json'}: token {token!r} has no integer id")
    return ids


def _added_ids(folder: Path) -> dict[str, int]:
    added: dict[str, int] = {}
    if (folder / "added_tokens.json").exists():
        added |= read_json(folder / "added_tokens.json")
    if (folder / "tokenizer_config.json").exists():
        decoder = read_json(folder / "tokenizer_config.json").get("added_tokens_decoder", {})
        added |= {entry["content"]: int(index) for index, entry in decoder.items()}
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
            " (vocab.json with added tokens); they must be equal"
        )
    missing = sorted(set(range(head_size)) - set(by_id))
    if missing:
        raise CheckpointError(f"{folder}: the vocabulary has no token for the ids {missing[:5]}")


def _special_names(folder: Path) -> dict[str, str]:
    names: dict[str, str] = dict(_DEFAULTS)
    # The later file wins, as in transformers.
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = folder / name
        if path.exists():
            found = read_json(path)
            names |= {key: _content(found[key]) for key in _DEFAULTS if found.get(key) is not None}
    return names


def _content(value: object) -> str:
    """A special token is a string, or an AddedToken written as a dictionary."""
    if isinstance(value, dict):
        return str(value["content"])
    return str(value)
