"""Writes a checkpoint as a CTranslate2 model, for `ctranslate2.models.Wav2Vec2`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trainer.errors import DataError
from trainer.export.tokens import read_tokens

# What CTranslate2 4.8 computes whatever the configuration has: src/layers/wav2vec2.cc.
_FIXED = {
    "model_type": "wav2vec2",
    "feat_extract_norm": "layer",
    "feat_extract_activation": "gelu",
    "conv_bias": True,
    "do_stable_layer_norm": True,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "add_adapter": False,
    "adapter_attn_dim": None,
}


def write_ctranslate2(checkpoint: Path, folder: Path) -> None:
    """Writes `model.bin`, `config.json` and `vocabulary.json`, with weights in fp32.

    The runtime quantises them where it is given `compute_type="int8"`.

    Args:
        checkpoint: a folder in today's layout.
        folder: where the files go.

    Raises:
        DataError: the model has another shape than CTranslate2 computes, that of XLS-R.
    """
    config: dict[str, Any] = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    if differences := list(_differences(config)):
        raise DataError(
            "CTranslate2 computes wav2vec2 models of the shape of XLS-R alone: "
            + "; ".join(differences)
        )
    from ctranslate2.converters import TransformersConverter  # noqa: PLC0415 - of the extra

    with TemporaryDirectory(dir=folder) as temporary:
        converter: Any = TransformersConverter(str(checkpoint))
        # It removes the folder that it writes into.
        converter.convert(temporary, quantization="float32", force=True)
        tokens = read_tokens(checkpoint, config).tokens
        # The converter has them in the order of `vocab.json`, whatever their numbers are.
        vocabulary = json.dumps(tokens, ensure_ascii=False, indent=2)
        (Path(temporary) / "vocabulary.json").write_text(f"{vocabulary}\n", encoding="utf-8")
        for file in Path(temporary).iterdir():
            shutil.move(file, folder / file.name)


def _differences(config: dict[str, Any]) -> Iterator[str]:
    for name, value in _FIXED.items():
        if config.get(name) != value:
            yield f"{name} must be {value}, and is {config.get(name)}"
    first, *others = config["conv_stride"]
    if first != 5 or set(others) != {2}:  # noqa: PLR2004 - of its source
        yield f"conv_stride must be 5, then 2 in each layer, and is {config['conv_stride']}"
