"""Writes a checkpoint folder with random weights for a given shape, which every loader reads."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from bench.shapes import SHAPES, stock_model


def add_model_options(parser: argparse.ArgumentParser, *, shape: str = "xls-r-300m") -> None:
    """Options that select what is measured: --shape or --checkpoint, --dtype, --device."""
    parser.add_argument("--shape", choices=sorted(SHAPES), default=shape, help="random weights")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint folder instead of a shape")
    parser.add_argument(
        "--dtype", choices=["auto", "bfloat16", "float16", "float32"], default="auto"
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto")


def model_name(options: argparse.Namespace) -> str:
    """What is measured, for the report."""
    return options.checkpoint.name if options.checkpoint else str(options.shape)


@contextmanager
def checkpoint_of(options: argparse.Namespace) -> Iterator[Path]:
    """The folder selected by the options of `add_model_options`; a temporary one is removed."""
    if options.checkpoint:
        yield options.checkpoint
        return
    with written_shape(options.shape) as folder:
        yield folder


@contextmanager
def written_shape(shape: str) -> Iterator[Path]:
    """A temporary checkpoint of that shape."""
    with tempfile.TemporaryDirectory(prefix="nordlyd-bench-") as parent:
        yield write_shape(shape, Path(parent) / shape)


def write_shape(shape: str, folder: Path) -> Path:
    """Writes a whole checkpoint with the random weights of `stock_model`, in float32.

    Returns:
        The folder, which both `load_checkpoint` and transformers read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Typed as any torch module, which cannot be saved.
    model: Any = stock_model(shape, torch.float32)
    model.save_pretrained(folder)
    tokens = _tokens(shape)
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "bos_token": "<s>", "eos_token": "</s>"}
    _write(folder / "vocab.json", {token: index for index, token in enumerate(tokens)})
    _write(
        folder / "tokenizer_config.json",
        special
        | {
            "do_lower_case": False,
            "tokenizer_class": "Wav2Vec2CTCTokenizer",
            "word_delimiter_token": "|",
        },
    )
    _write(
        folder / "preprocessor_config.json",
        {
            "do_normalize": True,
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "feature_size": 1,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": True,
            "sampling_rate": 16_000,
        },
    )
    return folder


def _tokens(shape: str) -> list[str]:
    """One distinct token for each output of the head; the blank is at the index of the shape."""
    size, blank = SHAPES[shape]["vocab_size"], SHAPES[shape]["pad_token_id"]
    special = {0: "|", blank - 1: "[UNK]", blank: "[PAD]", blank + 1: "<s>", blank + 2: "</s>"}
    # Letters of Latin Extended-A: enough of them, and all of one character.
    return [special.get(index, chr(0x100 + index)) for index in range(size)]


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
