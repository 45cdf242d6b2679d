"""A checkpoint of 45,000 random weights that answers every sound with other letters."""

import json
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyzæøå"
HOP = 320
RECEPTIVE_FIELD = 400


def write_tiny_checkpoint(folder: Path, *, languages: tuple[str, ...], seed: int) -> Path:
    """Write a whole checkpoint and its model.toml; the folder's name is the model's id."""
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
            conv_stride=(5, 2, 2, 2, 2, 2, 2),
            conv_kernel=(10, 3, 3, 3, 3, 2, 2),
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
    _write_json(folder / "vocab.json", {token: index for index, token in enumerate(tokens)})
    _write_json(
        folder / "preprocessor_config.json",
        {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "feature_size": 1,
            "sampling_rate": 16_000,
            "padding_value": 0.0,
            "do_normalize": True,
            "return_attention_mask": True,
        },
    )
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "Wav2Vec2CTCTokenizer",
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "word_delimiter_token": "|",
            "bos_token": None,
            "eos_token": None,
        },
    )
    quoted = ", ".join(f'"{language}"' for language in languages)
    (folder / "model.toml").write_text(
        f'id = "{folder.name}"\nlanguages = [{quoted}]\n', encoding="utf-8"
    )
    return folder


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
