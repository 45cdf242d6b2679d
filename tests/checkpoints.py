"""Small checkpoints with random weights, made with transformers, in every shape that is served.

torch and transformers are imported where they are needed: every test's fixtures import this.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
    "hubert-base": {"family": "hubert", "feat_extract_norm": "group"},
    "hubert-large": {
        "family": "hubert",
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
    "hubert-unnormed": {
        "family": "hubert",
        "feat_extract_norm": "group",
        "feat_proj_layer_norm": False,
    },
    "unispeech": {
        "family": "unispeech",
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
    "unispeech-sat": {"family": "unispeech-sat", "feat_extract_norm": "group"},
    "data2vec-audio": {
        "family": "data2vec-audio",
        "feat_extract_norm": "layer",
        "num_conv_pos_embeddings": 5,
        "conv_pos_kernel_size": 19,
    },
    "data2vec-even": {
        "family": "data2vec-audio",
        "feat_extract_norm": "layer",
        "num_conv_pos_embeddings": 2,
        "conv_pos_kernel_size": 6,
        "conv_bias": True,
    },
}


def vocabulary() -> dict[str, int]:
    """`|`, the letters and the four special tokens, ids in the order of the real checkpoints."""
    tokens = ["|", *LETTERS, "[UNK]", "[PAD]", "<s>", "</s>"]
    return {token: index for index, token in enumerate(tokens)}


def make_model(shape: str, seed: int = 0, **changes: Any) -> "PreTrainedModel":
    """A model of 64-wide layers whose random weights give emissions that differ by frame.

    `changes` are values of its configuration other than those of the shape.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCTC

    torch.manual_seed(seed)
    tokens = vocabulary()
    options = (
        {
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 128,
            "conv_dim": (32, 64, 64, 64, 64, 64, 64),
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
            "vocab_size": len(tokens),
            "pad_token_id": tokens["[PAD]"],
        }
        | SHAPES[shape]
        | changes
    )
    config = AutoConfig.for_model(options.pop("family", "wav2vec2"), **options)
    model = AutoModelForCTC.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "original" not in name:
                parameter.normal_(0, 1.0 / parameter[0].numel() ** 0.5)
            elif "bias" in name:
                parameter.normal_(0, 0.1)
    return model


FEATURES = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": 16000,
}


def write_tokenizer(folder: Path, *, layout: str = "today") -> None:
    """The tokenizer and feature extractor files of either layout."""
    tokens = vocabulary()
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
        _write(folder / "preprocessor_config.json", FEATURES)
        _write(
            folder / "alphabet.json",
            {"labels": [" ", *LETTERS, "⁇", "", "<s>", "</s>"], "is_bpe": False},
        )
    else:
        _write(
            folder / "processor_config.json",
            {"feature_extractor": FEATURES, "processor_class": "Wav2Vec2Processor"},
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
) -> "PreTrainedModel":
    """Writes a whole checkpoint folder and returns the model that it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    model = make_model(shape, seed)
    model.save_pretrained(folder)
    if layout == "2022":
        import torch

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


def write_tiny_checkpoint(folder: Path, *, languages: tuple[str, ...], seed: int) -> Path:
    """Writes 45,000 random weights that answer every sound with other letters, and a model.toml.

    The folder's name is the model's id.
    """
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    folder.mkdir(parents=True, exist_ok=True)
    tokens = ["[PAD]", "|", *LETTERS, "[UNK]"]
    torch.manual_seed(seed)
    model = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(tokens),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(32,) * 7,
            conv_bias=True,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    with torch.no_grad():
        model.lm_head.weight.normal_(std=1.0)
        model.lm_head.bias.zero_()
        # A word ends now and then.
        model.lm_head.bias[1] = 12.0
    model.save_pretrained(folder)
    _write(folder / "vocab.json", {token: index for index, token in enumerate(tokens)})
    _write(folder / "preprocessor_config.json", FEATURES)
    special: dict[str, Any] = {"unk_token": "[UNK]", "bos_token": None, "eos_token": None}
    _write(
        folder / "tokenizer_config.json",
        special
        | {
            "pad_token": "[PAD]",
            "word_delimiter_token": "|",
            "tokenizer_class": "Wav2Vec2CTCTokenizer",
        },
    )
    quoted = ", ".join(f'"{language}"' for language in languages)
    (folder / "model.toml").write_text(
        f'id = "{folder.name}"\nlanguages = [{quoted}]\n', encoding="utf-8"
    )
    return folder


# As many letters for two of them, so that the wrong adapter would fit too.
ALPHABETS = {"eng": "abcdefghij", "nob": "abcdefghæø", "dan": "abcdefghijkæøå"}


def language_tokens(code: str) -> dict[str, int]:
    """A vocabulary of ALPHABETS with the special tokens first, as MMS has it."""
    names = ("<pad>", "<s>", "</s>", "<unk>", "|", *ALPHABETS[code])
    return {token: index for index, token in enumerate(names)}


def write_multilingual_checkpoint(folder: Path) -> Path:
    """Writes MMS's layout: weights of `eng`, and an adapter and a vocabulary for each language."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for seed, code in enumerate(("nob", "dan", "eng")):
        model = make_model("mms", seed=seed)
        model.lm_head = torch.nn.Linear(64, len(language_tokens(code)))
        model.config.vocab_size = len(language_tokens(code))
        model.config.pad_token_id = 0
        adapter = {
            name: tensor.clone()
            for name, tensor in model.state_dict().items()
            if ".adapter_layer." in name or name.startswith("lm_head.")
        }
        save_file(adapter, folder / f"adapter.{code}.safetensors", {"format": "pt"})
    model.save_pretrained(folder)
    write_tokenizer(folder)
    _write(folder / "vocab.json", {code: language_tokens(code) for code in ALPHABETS})
    _write(
        folder / "tokenizer_config.json",
        {
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "word_delimiter_token": "|",
            "tokenizer_class": "Wav2Vec2CTCTokenizer",
            "target_lang": "eng",
            # What transformers adds when it saves: here of another language's vocabulary.
            "added_tokens_decoder": {"4": {"content": "|"}, "11": {"content": "zz"}},
        },
    )
    return folder


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
