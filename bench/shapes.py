"""Full-size architectures with random weights: speed and memory do not depend on the values."""

from typing import Any

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from app.vocabulary import Vocabulary

_XLS_R: dict[str, Any] = {
    "model_type": "wav2vec2",
    "conv_dim": (512,) * 7,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "num_attention_heads": 16,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
}

# Sizes of the two base models, from their published configurations.
SHAPES: dict[str, dict[str, Any]] = {
    "xls-r-300m": _XLS_R
    | {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "intermediate_size": 4096,
        "vocab_size": 41,
        "pad_token_id": 38,
    },
    "xls-r-1b": _XLS_R
    | {
        "hidden_size": 1280,
        "num_hidden_layers": 48,
        "intermediate_size": 5120,
        "vocab_size": 47,
        "pad_token_id": 44,
    },
    "demo": _XLS_R
    | {
        "conv_dim": (64, 128, 192, 192),
        "conv_kernel": (20, 8, 8, 4),
        "conv_stride": (10, 4, 4, 2),
        "hidden_size": 256,
        "num_hidden_layers": 6,
        "intermediate_size": 1024,
        "num_attention_heads": 8,
        "vocab_size": 34,
        "pad_token_id": 31,
    },
}


def stock_model(shape: str, dtype: torch.dtype) -> torch.nn.Module:
    """The stock `Wav2Vec2ForCTC` in that shape, random weights, ready to infer."""
    torch.manual_seed(0)
    options = {key: value for key, value in SHAPES[shape].items() if key != "model_type"}
    model: torch.nn.Module = Wav2Vec2ForCTC(Wav2Vec2Config(**options))
    return model.to(dtype).eval()


def vocabulary(shape: str) -> Vocabulary:
    """As many tokens as the shape's head has outputs; their text does not matter."""
    size, blank = SHAPES[shape]["vocab_size"], SHAPES[shape]["pad_token_id"]
    special = frozenset(range(blank - 1, size))
    letters = (chr(ord("À") + i) for i in range(size))
    tokens = ["|"] + [f"<{i}>" if i in special else next(letters) for i in range(1, size)]
    return Vocabulary(tuple(tokens), blank, 0, special)
