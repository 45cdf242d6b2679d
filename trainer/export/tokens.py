"""Reads the tokens and the special tokens from a checkpoint's tokenizer files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.acoustic.tokens import read_vocabulary
from trainer.errors import DataError

# What this trainer writes and what facebook's models have, for folders without these names.
_NAMES = {
    "unk_token": ("[UNK]", "<unk>"),
    "bos_token": ("<s>",),
    "eos_token": ("</s>",),
    "word_delimiter_token": ("|",),
}
_FILES = ("tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens by index, and those with a meaning; None where a model has no such token.

    `settings` are further values of its tokenizer's configuration that affect it.
    """

    tokens: tuple[str, ...]
    blank: str
    unknown: str | None
    start: str | None
    end: str | None
    delimiter: str | None
    settings: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, tokens: Sequence[str], blank: int) -> "Tokens":
        """Names the special ones among tokens that this trainer made."""
        found = {key: _first(names, tokens) for key, names in _NAMES.items()}
        return cls(
            tuple(tokens),
            tokens[blank],
            found["unk_token"],
            found["bos_token"],
            found["eos_token"],
            found["word_delimiter_token"],
        )

    @property
    def special(self) -> dict[str, str | None]:
        """The special tokens under the names that transformers has for them."""
        return {
            "bos_token": self.start,
            "eos_token": self.end,
            "pad_token": self.blank,
            "unk_token": self.unknown,
        }


def read_tokens(folder: Path, config: dict[str, Any]) -> Tokens:
    """Reads `vocab.json` and what goes with it, in either layout.

    Args:
        folder: the checkpoint, or the run that it is part of.
        config: the contents of `config.json`: width of the head and index of the blank.

    Raises:
        CheckpointError: the vocabulary has gaps, or the head has another width.
        DataError: there is no vocabulary.
    """
    if not (folder / "vocab.json").is_file():
        raise DataError(f"{folder} lacks vocab.json, which names the outputs")
    vocabulary = read_vocabulary(
        folder, head_size=config["vocab_size"], pad_token_id=config["pad_token_id"]
    )
    tokens = vocabulary.tokens
    settings: dict[str, Any] = {}
    for file in _FILES:
        if (folder / file).is_file():
            settings |= json.loads((folder / file).read_text(encoding="utf-8"))
    names = {
        key: _content(settings[key]) if key in settings else _first(usual, tokens)
        for key, usual in _NAMES.items()
    }
    # A name that the vocabulary lacks would become a token more than the head has.
    known = {key: name if name in tokens else None for key, name in names.items()}
    return Tokens(
        tokens,
        tokens[vocabulary.blank],
        known["unk_token"],
        known["bos_token"],
        known["eos_token"],
        known["word_delimiter_token"],
        tuple(
            (key, settings[key])
            for key in ("do_lower_case", "replace_word_delimiter_char")
            if key in settings
        ),
    )


def _first(names: Sequence[str], tokens: Sequence[str]) -> str | None:
    return next((name for name in names if name in tokens), None)


def _content(value: object) -> str | None:
    """Returns the text of a token that is a string, or an AddedToken written as a dictionary."""
    if isinstance(value, dict):
        return str(value["content"])
    return None if value is None else str(value)
