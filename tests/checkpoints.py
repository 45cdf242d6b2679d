"""Small checkpoints with random weights in every shape of the family, made with transformers."""

import json
from pathlib import Path

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

LETTERS = list("abcdefghijklmnopqrstuvwxyzæøå")

SHAPES = {
    "xls-r": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    "xls-r-unbiased": {
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": False,
    },
    "base": {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False},
    "base-biased": {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": True},
    "group-stable": {"feat_extract_norm": "group", "do_stable_layer_norm": True},
    "layer-post": {"feat_extract_norm": "layer", "do_stable_layer_norm": False, "conv_bias": True},
    "mms": {
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
        "adapter_attn_dim": 16,
    },
    # Heads of 80 as in the 1B models: no multiple of what a tile holds.
    "wide-heads": {
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "hidden_size": 320,
        "intermediate_size": 384,
    },
    "odd-positional": {
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "num_conv_pos_embeddings": 15,
    },
}


def vocabulary() -> dict[str, int]:
    """`|`, the letters and the four special tokens, ids in the order of the real checkpoints."""
    tokens = ["|", *LETTERS, "[UNK]", "[PAD]", "<s>", "</s>"]
    return {token: index for index, token in enumerate(tokens)}


def make_model(shape: str, seed: int = 0) -> Wav2Vec2ForCTC:
    """A model of 64-wide layers whose random weights give emissions that differ by frame."""
    torch.manual_seed(seed)
    tokens = vocabulary()
    options = {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "conv_dim": (32, 64, 64, 64, 64, 64, 64),
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "vocab_size": len(tokens),
        "pad_token_id": tokens["[PAD]"],
    } | SHAPES[shape]
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**options)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "original" not in name:
                parameter.normal_(0, 1.0 / parameter[0].numel() ** 0.5)
            elif "bias" in name:
                parameter.normal_(0, 0.1)
    return model


def write_tokenizer(folder: Path, *, layout: str = "today") -> None:
    """The tokenizer and feature extractor files of either layout."""
    tokens = vocabulary()
    features = {
        "do_normalize": True,
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,
        "sampling_rate": 16000,
    }
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "bos_token": "<s>", "eos_token": "</s>"}
    if layout == "2022":
        added = {"<s>": tokens.pop("<s>"), "</s>": tokens.pop("</s>")}
        _write(folder / "added_tokens.json", added)
        repeated = [
            {
                "content": token,
                "lstrip": False,
                "normalized": True,
                "rstrip": False,
                "single_word": False,
            }
            for token in ("<s>", "</s>") * 3
        ]
        _write(
            folder / "special_tokens_map.json", special | {"additional_special_tokens": repeated}
        )
        _write(folder / "preprocessor_config.json", features)
        _write(
            folder / "alphabet.json",
            {"labels": [" ", *LETTERS, "⁇", "", "<s>", "</s>"], "is_bpe": False},
        )
    else:
        _write(
            folder / "processor_config.json",
            {"feature_extractor": features, "processor_class": "Wav2Vec2Processor"},
        )
    _write(folder / "vocab.json", tokens)
    _write(
        folder / "tokenizer_config.json",
        special
        | {
            "do_lower_case": False,
            "word_delimiter_token": "|",
            "tokenizer_class": "Wav2Vec2CTCTokenizer",
        },
    )


def write_checkpoint(
    folder: Path, shape: str = "xls-r", *, layout: str = "today", seed: int = 0
) -> Wav2Vec2ForCTC:
    """Write a whole checkpoint folder and return the model that it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    model = make_model(shape, seed)
    model.save_pretrained(folder)
    if layout == "2022":
        weights = {
            name.replace("parametrizations.weight.original0", "weight_g").replace(
                "parametrizations.weight.original1", "weight_v"
            ): tensor
            for name, tensor in model.state_dict().items()
        }
        torch.save(weights, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    write_tokenizer(folder, layout=layout)
    return model


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
