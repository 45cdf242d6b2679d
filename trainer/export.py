"""A model in memory in, a checkpoint folder out that stock transformers and the service load.

Two layouts: today's (safetensors, processor_config.json) and that of 2022 (pytorch_model.bin,
special_tokens_map.json), as the published checkpoints have it.
"""

import json
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2ForCTC

from trainer.model import BLANK, DELIMITER, END, START, TOKENS, UNKNOWN

Layout = Literal["today", "2022"]

_FEATURES = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": 16000,
}
_SPECIAL = {"bos_token": START, "eos_token": END, "pad_token": BLANK, "unk_token": UNKNOWN}


def export_model(model: Wav2Vec2ForCTC, folder: Path, *, layout: Layout = "today") -> None:
    """Write fp16 weights, configuration, feature extractor and tokenizer of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
    }
    config = model.config.to_dict()
    config |= {"architectures": ["Wav2Vec2ForCTC"], "dtype": "float16"}
    _write(folder / "config.json", config)
    vocabulary = TOKENS if layout == "today" else TOKENS[:-2]
    _write(folder / "vocab.json", {token: index for index, token in enumerate(vocabulary)})
    _write(folder / "special_tokens_map.json", _special_tokens(layout))
    _write(folder / "tokenizer_config.json", _tokenizer(layout))
    if layout == "today":
        processor = {"feature_extractor": _FEATURES, "processor_class": "Wav2Vec2Processor"}
        _write(folder / "processor_config.json", processor)
        _write(folder / "preprocessor_config.json", _FEATURES)
        fresh = folder / "model.safetensors.tmp"
        save_file(weights, fresh, metadata={"format": "pt"})
        fresh.chmod(0o644)  # safetensors makes it readable for its owner alone
        fresh.replace(folder / "model.safetensors")
    else:
        _write(folder / "preprocessor_config.json", _FEATURES)
        _write(folder / "added_tokens.json", {START: len(TOKENS) - 2, END: len(TOKENS) - 1})
        torch.save(_old_names(weights), folder / "pytorch_model.bin")


def _old_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {
        "parametrizations.weight.original0": "weight_g",
        "parametrizations.weight.original1": "weight_v",
    }
    return {
        next((name.replace(new, old) for new, old in renamed.items() if new in name), name): tensor
        for name, tensor in weights.items()
    }


def load_stock(folder: Path) -> Wav2Vec2ForCTC:
    """Load a checkpoint folder with stock transformers, in fp32 and ready to infer."""
    model: Wav2Vec2ForCTC = Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float32)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _special_tokens(layout: Layout) -> dict[str, Any]:
    if layout == "today":
        return dict(_SPECIAL)
    # The published repositories repeat this pair; loaders must cope, so ours write it too.
    added = [
        {
            "content": token,
            "lstrip": False,
            "normalized": True,
            "rstrip": False,
            "single_word": False,
        }
        for token in (START, END)
    ]
    return _SPECIAL | {"additional_special_tokens": added}


def _tokenizer(layout: Layout) -> dict[str, Any]:
    tokenizer: dict[str, Any] = _SPECIAL | {
        "do_lower_case": False,
        "replace_word_delimiter_char": " ",
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "word_delimiter_token": DELIMITER,
    }
    if layout == "today":
        tokenizer["added_tokens_decoder"] = {
            str(TOKENS.index(token)): {
                "content": token,
                "lstrip": True,
                "normalized": False,
                "rstrip": True,
                "single_word": False,
                "special": token in (START, END),
            }
            for token in (UNKNOWN, BLANK, START, END)
        }
    return tokenizer


def _write(path: Path, value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
