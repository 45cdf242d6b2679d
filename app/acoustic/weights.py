"""Reads a checkpoint folder's weight files as tensors under one set of names.

Safetensors or `pytorch_model.bin`, sharded or not; weight-norm parameters under their old
names (`weight_g`, `weight_v`) and their new ones (`parametrizations.weight.original0/1`); names
as training wrappers leave them.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

from app.acoustic.config import EncoderConfig
from app.acoustic.families import FAMILIES
from app.acoustic.files import beside, read_json
from app.acoustic.git_lfs import refuse_pointer
from app.errors import CheckpointError

SAFETENSORS = "model.safetensors"
PICKLED = "pytorch_model.bin"

_NEW_WEIGHT_NORM = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
# What DistributedDataParallel, torch.compile, FSDP and activation checkpointing put into names.
_WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
# Under which training loops keep the model's weights beside the optimiser's state.
_NESTED = ("state_dict", "model_state_dict", "model", "module")
_HEAD = "lm_head.weight"


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Returns all tensors of a checkpoint, memory-mapped where the format allows it.

    Raises:
        CheckpointError: no weight file, or one that cannot be read.
    """
    for name in (SAFETENSORS, PICKLED):
        if (folder / name).exists():
            return renamed(read_file(folder / name))
        index = folder / f"{name}.index.json"
        if index.exists():
            return renamed(_read_shards(folder, index))
    raise CheckpointError(f"{folder} lacks {SAFETENSORS} (or {PICKLED}), in one file or in shards")


def _read_shards(folder: Path, index: Path) -> dict[str, torch.Tensor]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{index} has no weight_map, which names the file of each tensor")
    paths = [beside(folder, name, named_by=index) for name in dict.fromkeys(places.values())]
    absent = [path.name for path in paths if not path.is_file()]
    if absent:
        raise CheckpointError(f"{folder} lacks {', '.join(absent)}, which {index.name} names")
    merged: dict[str, torch.Tensor] = {}
    for path in paths:
        merged |= read_file(path)
    return merged


def read_file(path: Path) -> dict[str, torch.Tensor]:
    """Returns the tensors of one file, under the names it has for them.

    A pickle is read by torch's weights-only loader, which runs no code of the file's, whether
    torch packed it as a zip archive or, before 1.6, as bare pickles.

    Raises:
        CheckpointError: the file is a Git LFS pointer, broken, or holds anything but tensors.
    """
    refuse_pointer(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # Only a zip archive can be mapped.
        mapped = zipfile.is_zipfile(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    # A damaged or hostile pickle makes its reader raise arbitrary exceptions.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read as weights: {reason}") from None
    return _tensors(path, loaded)


def _tensors(path: Path, loaded: object) -> dict[str, torch.Tensor]:
    """Returns the table of tensors in what a pickle held, also one level down."""
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{path} holds {type(loaded).__name__}, not a table of tensors")
    tables = [
        {
            name: tensor
            for name, tensor in table.items()
            if isinstance(name, str) and isinstance(tensor, torch.Tensor)
        }
        for table in (loaded, *(loaded.get(key) for key in _NESTED))
        if isinstance(table, dict)
    ]
    # A lone tensor beside a nested table is no model.
    for table in sorted(tables, key=lambda table: not any(map(_is_head, table))):
        if table:
            return table
    raise CheckpointError(
        f"{path} holds no tensors; it has the keys {', '.join(map(str, list(loaded)[:5])) or '-'},"
        f" and weights are looked for there and under {', '.join(_NESTED)}"
    )


def _is_head(name: str) -> bool:
    return name == _HEAD or name.endswith(f".{_HEAD}")


def renamed(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Returns the tensors under transformers' names, without what training wrappers add.

    The weight-norm parameters have their old names, whichever they came with.

    Raises:
        CheckpointError: two tensors would get one name.
    """
    found: dict[str, torch.Tensor] = {}
    for full, tensor in weights.items():
        name = ".".join(part for part in full.split(".") if part not in _WRAPPERS)
        for new, old in _NEW_WEIGHT_NORM.items():
            name = name.replace(new, old)
        if name in found:
            raise CheckpointError(f"the weights have two tensors that are both {name}")
        found[name] = tensor
    return found


def under_one_name(
    path: Path, weights: Mapping[str, torch.Tensor], config: EncoderConfig
) -> dict[str, torch.Tensor]:
    """Returns the tensors under wav2vec2's names, which the encoder reads, whatever the family.

    `model.` before all of them, which training loops of other libraries add, is left out.

    Args:
        path: where they come from, for messages.
        weights: what a file or folder holds.
        config: of their family.

    Raises:
        CheckpointError: the names begin with something unknown; it is named.
    """
    weights = renamed(weights)
    heads = [name for name in weights if name.endswith(f".{_HEAD}")]
    if _HEAD not in weights and heads:
        before = heads[0].removesuffix(_HEAD)
        if before != "model.":
            raise CheckpointError(
                f"{path}: the names of the weights begin with {before!r} ({heads[0]}); accepted are"
                f" transformers' names ({_HEAD}), also after 'model.' or 'module.'"
            )
        weights = {name.removeprefix(before): tensor for name, tensor in weights.items()}
    prefix = f"{FAMILIES[config.model_type].prefix}."
    return {
        f"wav2vec2.{name.removeprefix(prefix)}" if name.startswith(prefix) else name: tensor
        for name, tensor in weights.items()
    }


def check_weights(folder: Path, weights: dict[str, torch.Tensor], config: EncoderConfig) -> None:
    """Checks the tensors against the shape that `config.json` declares.

    Raises:
        CheckpointError: names the first tensor that is missing or of another shape.
    """
    if _HEAD not in weights:
        raise CheckpointError(
            f"{folder} has no CTC head (lm_head.weight): it is a pre-trained base, not a"
            " fine-tuned CTC checkpoint"
        )
    for name, shape in expected_shapes(config):
        tensor = weights.get(name)
        if tensor is None:
            raise CheckpointError(
                f"{folder}: the weights lack {_original_name(name, config)}, which config.json"
                " implies"
            )
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"{folder}: {_original_name(name, config)} has the shape {tuple(tensor.shape)}, but"
                f" config.json implies {shape}"
            )


def _original_name(name: str, config: EncoderConfig) -> str:
    """Returns the name as the checkpoint has it."""
    return name.replace("wav2vec2.", f"{FAMILIES[config.model_type].prefix}.", 1)


def expected_shapes(config: EncoderConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields every tensor that the encoder reads, with its shape, in the order of computation."""
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
    if config.projection_norm:
        yield from _pair("wav2vec2.feature_projection.layer_norm", (channels,))
    yield from _pair("wav2vec2.feature_projection.projection", (hidden, channels))
    pos = "wav2vec2.encoder.pos_conv_embed"
    taps = config.pos_conv_kernel
    positional = (hidden, hidden // config.pos_conv_groups, taps)
    if config.pos_conv_layers is None:
        yield f"{pos}.conv.weight_g", (1, 1, taps)
        yield f"{pos}.conv.weight_v", positional
        yield f"{pos}.conv.bias", (hidden,)
    for index in range(config.pos_conv_layers or 0):
        yield from _pair(f"{pos}.layers.{index}.conv", positional)
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
    """Returns the kernel of the positional convolution: gain x direction / norm, per kernel tap.

    Args:
        gain: [1, 1, kernel].
        direction: [channels, channels per group, kernel].
    """
    direction = direction.float()
    norm = torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True)
    kernel: torch.Tensor = gain.float() * direction / norm
    return kernel
