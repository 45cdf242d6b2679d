"""Builds a wav2vec2-CTC model with random weights, and its vocabulary, from a recipe."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from app.text import LETTERS
from trainer.recipe import ModelRecipe

DELIMITER, UNKNOWN, BLANK, START, END = "|", "[UNK]", "[PAD]", "<s>", "</s>"
SPECIAL = (UNKNOWN, BLANK, START, END)

TOKENS: tuple[str, ...] = (DELIMITER, *LETTERS, *SPECIAL)
"""In the order of the published checkpoints: `|` is 0, the special tokens come last."""

_SHAPE = {
    "conv_dim": "conv_dim",
    "conv_kernel": "conv_kernel",
    "conv_stride": "conv_stride",
    "hidden_size": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
    "position_kernel": "num_conv_pos_embeddings",
    "position_groups": "num_conv_pos_embedding_groups",
}
"""What a recipe and transformers call the numbers that give a model its shape."""


def vocabulary_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Returns the tokens of normalised transcripts: `|`, the letters in order, the special ones."""
    letters = sorted({letter for text in texts for letter in text} - {" ", DELIMITER})
    return (DELIMITER, *letters, *SPECIAL)


def encode(text: str, tokens: tuple[str, ...] = TOKENS) -> list[int]:
    """Returns the token indexes of a normalised transcript."""
    index = _index(tokens)
    return [index.get(DELIMITER if letter == " " else letter, index[UNKNOWN]) for letter in text]


def collapse(path: Sequence[int], tokens: tuple[str, ...] = TOKENS) -> str:
    """Returns the text of a CTC path: repetitions merged, blanks and special tokens dropped."""
    text: list[str] = []
    previous = -1
    for index in path:
        if index != previous and tokens[index] not in SPECIAL:
            text.append(" " if tokens[index] == DELIMITER else tokens[index])
        previous = index
    return " ".join("".join(text).split())


@lru_cache(maxsize=8)
def _index(tokens: tuple[str, ...]) -> dict[str, int]:
    return {token: index for index, token in enumerate(tokens)}


def configuration(model: ModelRecipe, tokens: tuple[str, ...] = TOKENS) -> Wav2Vec2Config:
    """Returns the transformers configuration of a recipe: layer-norm extractor, pre-norm layers."""
    config = Wav2Vec2Config(
        feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True, **_shape(model)
    )
    return regularise(config, model, tokens)


def shape_differences(config: Wav2Vec2Config, model: ModelRecipe) -> list[str]:
    """Returns a line for each value in which weights have another shape than a recipe."""
    wanted = _shape(model)
    return [
        f"model.{ours} is {_written(wanted[theirs])}, and {_written(getattr(config, theirs))} in "
        "the weights"
        for ours, theirs in _SHAPE.items()
        if _written(wanted[theirs]) != _written(getattr(config, theirs))
    ]


def _shape(model: ModelRecipe) -> dict[str, Any]:
    """Returns the shape of a recipe under the names of transformers."""
    values = {theirs: getattr(model, ours) for ours, theirs in _SHAPE.items()}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }


def _written(value: int | Sequence[int]) -> str:
    return str(value) if isinstance(value, int) else str(list(value))


def regularise(
    config: Wav2Vec2Config, model: ModelRecipe, tokens: tuple[str, ...]
) -> Wav2Vec2Config:
    """Gives the configuration of other weights the regularisation and vocabulary of a recipe."""
    index = _index(tokens)
    values = {
        "vocab_size": len(tokens),
        "pad_token_id": index[BLANK],
        "bos_token_id": index[START],
        "eos_token_id": index[END],
        "hidden_dropout": model.hidden_dropout,
        "attention_dropout": model.attention_dropout,
        "activation_dropout": model.activation_dropout,
        "feat_proj_dropout": model.feat_proj_dropout,
        "final_dropout": model.final_dropout,
        "layerdrop": model.layerdrop,
        "apply_spec_augment": model.mask_time_prob > 0 or model.mask_feature_prob > 0,
        "mask_time_prob": model.mask_time_prob,
        "mask_time_length": model.mask_time_length,
        "mask_time_min_masks": model.mask_time_min_masks,
        "mask_feature_prob": model.mask_feature_prob,
        "mask_feature_length": model.mask_feature_length,
        "mask_feature_min_masks": 0,
        "ctc_loss_reduction": "mean",
        "ctc_zero_infinity": model.zero_infinity,
    }
    for name, value in values.items():
        setattr(config, name, value)
    return config


def random_model(
    model: ModelRecipe, *, seed: int, tokens: tuple[str, ...] = TOKENS
) -> Wav2Vec2ForCTC:
    """Returns a model with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return Wav2Vec2ForCTC(configuration(model, tokens))
