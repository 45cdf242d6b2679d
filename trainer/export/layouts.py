"""Writes the files of a checkpoint folder in either of the two layouts.

Today's: safetensors and `processor_config.json`. That of 2022, as the published checkpoints
have it: `pytorch_model.bin`, `added_tokens.json`, `alphabet.json`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file

from trainer.export.tokens import Tokens, read_tokens

Layout = Literal["today", "2022"]

_OLD_NAMES = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
_PROCESSOR, _PROCESSOR_WITH_LM = "Wav2Vec2Processor", "Wav2Vec2ProcessorWithLM"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint folder is made of; weights in fp16, `features` of the extractor."""

    weights: dict[str, torch.Tensor]
    config: dict[str, Any]
    tokens: Tokens
    features: dict[str, Any]


def write_today(folder: Path, checkpoint: Checkpoint, *, language_model: bool) -> None:
    """Writes today's layout, with the decoder's alphabet where there is a language model."""
    tokens, features = checkpoint.tokens, checkpoint.features
    write_json(folder / "config.json", checkpoint.config | {"dtype": "float16"})
    write_json(folder / "vocab.json", {token: place for place, token in enumerate(tokens.tokens)})
    write_json(folder / "special_tokens_map.json", _present(tokens))
    added = {
        str(place): {
            "content": token,
            "lstrip": True,
            "normalized": False,
            "rstrip": True,
            "single_word": False,
            "special": token in {tokens.start, tokens.end},
        }
        for place, token in enumerate(tokens.tokens)
        if token in tokens.special.values()
    }
    write_json(
        folder / "tokenizer_config.json", _tokenizer(tokens) | {"added_tokens_decoder": added}
    )
    # Older releases and our service read the features from their own file, newer ones from both.
    write_json(folder / "preprocessor_config.json", features)
    processor = {"feature_extractor": features, "processor_class": _PROCESSOR}
    write_json(folder / "processor_config.json", processor)
    if language_model:
        declare_language_model(folder)
    fresh = folder / "model.safetensors.tmp"
    save_file(_renamed(checkpoint.weights, new_names=True), fresh, metadata={"format": "pt"})
    fresh.chmod(0o644)  # safetensors makes it readable for its owner alone
    fresh.replace(folder / "model.safetensors")


def write_2022(folder: Path, checkpoint: Checkpoint, *, language_model: bool) -> None:
    """Writes the layout of 2022, with the decoder's alphabet where there is a language model."""
    tokens = checkpoint.tokens
    write_json(folder / "config.json", checkpoint.config | {"torch_dtype": "float16"})
    added = _added(tokens)
    base = tokens.tokens[: len(tokens.tokens) - len(added)]
    write_json(folder / "vocab.json", {token: place for place, token in enumerate(base)})
    if added:
        places = {token: len(base) + place for place, token in enumerate(added)}
        write_json(folder / "added_tokens.json", places)
    # Without the `additional_special_tokens` of the published repositories: today's transformers
    # takes those for two tokens more, which `AutoProcessor` then misses in the alphabet.
    write_json(folder / "special_tokens_map.json", _present(tokens))
    processor = {"processor_class": _PROCESSOR_WITH_LM if language_model else _PROCESSOR}
    write_json(folder / "tokenizer_config.json", _tokenizer(tokens) | processor)
    write_json(folder / "preprocessor_config.json", checkpoint.features | processor)
    if language_model:
        _write_alphabet(folder, tokens)
    fresh = folder / "pytorch_model.bin.tmp"
    torch.save(_renamed(checkpoint.weights, new_names=False), fresh)
    fresh.replace(folder / "pytorch_model.bin")


def declare_language_model(folder: Path) -> None:
    """Makes stock transformers use the language model of a checkpoint in today's layout.

    `Wav2Vec2ProcessorWithLM` needs `alphabet.json`. The pipeline loads a decoder where the
    feature extractor names that class; `AutoProcessor` takes the class of the processor, which
    stays the one that needs neither pyctcdecode nor kenlm.

    Raises:
        CheckpointError: the vocabulary cannot be read.
    """
    file = folder / "processor_config.json"
    processor = json.loads(file.read_text(encoding="utf-8"))
    processor["feature_extractor"]["processor_class"] = _PROCESSOR_WITH_LM
    write_json(file, processor)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _write_alphabet(folder, read_tokens(folder, config))


def _write_alphabet(folder: Path, tokens: Tokens) -> None:
    # Pure ASCII, for pyctcdecode reads it in the machine's own encoding.
    alphabet = json.dumps({"labels": _labels(tokens), "is_bpe": False})
    (folder / "alphabet.json").write_text(alphabet + "\n", encoding="ascii")


def write_json(path: Path, value: object) -> None:
    """Writes a value as the checkpoints have it: two spaces, keys in order."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _tokenizer(tokens: Tokens) -> dict[str, Any]:
    return {
        "do_lower_case": False,
        "replace_word_delimiter_char": " ",
        **dict(tokens.settings),
        **tokens.special,
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "word_delimiter_token": tokens.delimiter,
    }


def _present(tokens: Tokens) -> dict[str, Any]:
    return {key: token for key, token in tokens.special.items() if token is not None}


def _added(tokens: Tokens) -> list[str]:
    """Returns the tokens that were added after the vocabulary: `<s>` and `</s>` at its end."""
    added: list[str] = []
    for token in reversed(tokens.tokens):
        if token not in {tokens.start, tokens.end}:
            break
        added.insert(0, token)
    return added


def _labels(tokens: Tokens) -> list[str]:
    """Returns the tokens as pyctcdecode names them."""
    special = {tokens.delimiter: " ", tokens.blank: "", tokens.unknown: "⁇"}
    return [special.get(token, token) for token in tokens.tokens]


def _renamed(weights: dict[str, torch.Tensor], *, new_names: bool) -> dict[str, torch.Tensor]:
    """Names the weight-norm parameters as torch does today, or as it did in 2022."""
    pairs = [(old, new) if new_names else (new, old) for new, old in _OLD_NAMES.items()]
    renamed: dict[str, torch.Tensor] = {}
    for name, weight in weights.items():
        for before, after in pairs:
            if name.endswith(f".{before}"):
                name = name.removesuffix(before) + after  # noqa: PLW2901 - the same name
        renamed[name] = weight
    return renamed
