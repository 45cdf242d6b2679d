"""A checkpoint folder's weight file → plain tensors under one set of names.

Safetensors or `pytorch_model.bin`, sharded or not; weight-norm parameters under their old
names (`weight_g`, `weight_v`) and their new ones (`parametrizations.weight.original0/1`).
"""

import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from app.acoustic.config import EncoderConfig, read_json
from app.errors import CheckpointError

SAFETENSORS = "model.safetensors"
PICKLED = "pytorch_model.bin"

_NEW_WEIGHT_NORM = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint, memory-mapped where the format allows it.

    Raises:
        CheckpointError: no weight file, or one that cannot be read.
    """
    for name in (SAFETENSORS, PICKLED):
        if (folder / name).exists():
            return renamed(_read_file(folder / name))
        index = folder / f"{name}.index.json"
        if index.exists():
            shards = sorted(set(read_json(index)["weight_map"].values()))
            merged: dict[str, torch.Tensor] = {}
            for shard in shards:
                merged |= _read_file(folder / shard)
            return renamed(merged)
    raise CheckpointError(f"{folder} lacks {SAFETENSORS} (or {PICKLED})")


def _read_file(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} lacks {path.name}, which its index names") from None
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read as weights: {reason}") from None
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{path} holds {type(loaded).__name__}, not a table of tensors")
    return {name: tensor for name, tensor in loaded.items() if isinstance(tensor, torch.Tensor)}


def renamed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weight-norm parameters under their old names, whichever they came with."""
    renamed = {}
    for name, tensor in weights.items():
        for new, old in _NEW_WEIGHT_NORM.items():
            name = name.replace(new, old)  # noqa: PLW2901 - two rewrites of one name
        renamed[name] = tensor
    return renamed


def check_weights(folder: Path, weights: dict[str, torch.Tensor], config: EncoderConfig) -> None:
    """Hold the tensors against the shape that `config.json` promises.

    Raises:
        CheckpointError: names the first tensor that is missing or of another shape.
    """
    if "lm_head.weight" not in weights:
        raise CheckpointError(
            f"{folder} has no CTC head (lm_head.weight): it is a pre-trained base, not a"
            " fine-tuned CTC checkpoint"
        )
    for name, shape in expected_shapes(config):
        tensor = weights.get(name)
        if tensor is None:
            raise CheckpointError(f"{folder}: the weights lack {name}, which config.json implies")
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"{folder}: {name} has the shape {tuple(tensor.shape)}, but config.json implies"
                f" {shape}"
            )


def expected_shapes(config: EncoderConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor that the encoder reads, with its shape, in the order of computation."""
    hidden, inner = config.hidden_size, config.intermediate_size
    channels = 1
    for index, (width, kernel, _) in enumerate(config.conv_layers):
        name = f"wav2vec2.feature_extractor.conv_layers.{index}"
        yield f"{name}.conv.weight", (width, channels, kernel)
        if config.conv_bias:
            yield f"{name}.conv.bias", (width,)
        if index == 0 or not config.group_norm:
            yield from _pair(f"{name}.layer_norm", (width,))
        channels = width
    yield from _pair("wav2vec2.feature_projection.layer_norm", (channels,))
    yield from _pair("wav2vec2.feature_projection.projection", (hidden, channels))
    pos = "wav2vec2.encoder.pos_conv_embed.conv"
    yield f"{pos}.weight_g", (1, 1, config.pos_conv_kernel)
    yield f"{pos}.weight_v", (hidden, hidden // config.pos_conv_groups, config.pos_conv_kernel)
    yield f"{pos}.bias", (hidden,)
    yield from _pair("wav2vec2.encoder.layer_norm", (hidden,))
    for index in range(config.layers):
        name = f"wav2vec2.encoder.layers.{index}"
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _pair(f"{name}.attention.{projection}", (hidden, hidden))
        yield from _pair(f"{name}.layer_norm", (hidden,))
        yield from _pair(f"{name}.feed_forward.intermediate_dense", (inner, hidden))
        yield from _pair(f"{name}.feed_forward.output_dense", (hidden, inner))
        yield from _pair(f"{name}.final_layer_norm", (hidden,))
        if config.adapter_dim is not None:
            yield from _pair(f"{name}.adapter_layer.norm", (hidden,))
            yield from _pair(f"{name}.adapter_layer.linear_1", (config.adapter_dim, hidden))
            yield from _pair(f"{name}.adapter_layer.linear_2", (hidden, config.adapter_dim))
    yield from _pair("lm_head", (config.vocab_size, hidden))


def _pair(name: str, weight: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", weight
    yield f"{name}.bias", weight[:1]


def fold_weight_norm(gain: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """The plain kernel of the positional convolution: gain x direction / norm, per kernel tap.

    Args:
        gain: [1, 1, kernel].
        direction: [channels, channels per group, kernel].
    """
    direction = direction.float()
    norm = torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True)
    kernel: torch.Tensor = gain.float() * direction / norm
    return kernel
