"""Reads a checkpoint's `config.json` and `preprocessor_config.json` into an `EncoderConfig`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.acoustic.families import FAMILIES, OTHER_NETWORKS
from app.acoustic.files import read_json
from app.audio.frames import FrameGrid
from app.errors import CheckpointError

SAMPLE_RATE = 16_000

# transformers' names for the same function: the exact GELU by the error function.
_GELU = {"gelu", "gelu_python"}


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The shape of a wav2vec2-CTC model; names as in transformers' `Wav2Vec2Config`.

    `conv_layers` holds (channels, kernel, stride) of each layer of the feature extractor.
    `model_type` is a key of `FAMILIES`. `pos_conv_layers` is None for one positional convolution
    with weight norm, and for data2vec the number of plain ones.
    """

    model_type: str

    conv_layers: tuple[tuple[int, int, int], ...]
    conv_bias: bool
    group_norm: bool
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    projection_norm: bool
    stable_layer_norm: bool
    layer_norm_eps: float
    pos_conv_kernel: int
    pos_conv_groups: int
    pos_conv_layers: int | None
    adapter_dim: int | None
    vocab_size: int
    pad_token_id: int
    do_normalize: bool

    @property
    def grid(self) -> FrameGrid:
        """Where the feature extractor's frames lie."""
        return FrameGrid.of_convolutions((kernel, stride) for _, kernel, stride in self.conv_layers)


def read_config(folder: Path) -> EncoderConfig:
    """Reads the model's shape and its feature extractor's settings from a checkpoint folder.

    Raises:
        CheckpointError: a file is missing, or the model is no wav2vec2-CTC model we can run.
    """
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder} is not a folder; a checkpoint is a folder with config.json"
        )
    raw = _with_defaults(read_json(folder / "config.json"))
    _refuse_what_differs(folder, raw)
    features = _feature_extractor(folder)
    rate = features.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise CheckpointError(f"{folder} expects {rate} Hz audio; only {SAMPLE_RATE} Hz is served")
    return make_config(raw, features)


def make_config(raw: dict[str, Any], features: dict[str, Any]) -> EncoderConfig:
    """Returns the configuration from the contents of both files; missing values have defaults."""
    raw = _with_defaults(raw)
    stacked = raw["model_type"] == "data2vec-audio"
    return EncoderConfig(
        model_type=raw["model_type"],
        conv_layers=tuple(
            zip(raw["conv_dim"], raw["conv_kernel"], raw["conv_stride"], strict=True)
        ),
        conv_bias=bool(raw["conv_bias"]),
        group_norm=raw["feat_extract_norm"] == "group",
        hidden_size=raw["hidden_size"],
        layers=raw["num_hidden_layers"],
        heads=raw["num_attention_heads"],
        intermediate_size=raw["intermediate_size"],
        projection_norm=bool(raw["feat_proj_layer_norm"]),
        stable_layer_norm=bool(raw["do_stable_layer_norm"]),
        layer_norm_eps=float(raw["layer_norm_eps"]),
        pos_conv_kernel=raw["conv_pos_kernel_size" if stacked else "num_conv_pos_embeddings"],
        pos_conv_groups=raw["num_conv_pos_embedding_groups"],
        pos_conv_layers=raw["num_conv_pos_embeddings"] if stacked else None,
        adapter_dim=raw["adapter_attn_dim"],
        vocab_size=raw["vocab_size"],
        pad_token_id=raw["pad_token_id"],
        do_normalize=bool(features.get("do_normalize", True)),
    )


def _with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    # transformers leaves out what equals its own defaults, so ours must be the same.
    raw = {"model_type": "wav2vec2"} | raw
    stacked = raw["model_type"] == "data2vec-audio"
    defaults = {
        "conv_dim": [512] * 7,
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "conv_bias": False,
        "feat_extract_norm": "group",
        "feat_extract_activation": "gelu",
        "feat_proj_layer_norm": True,
        "hidden_act": "gelu",
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "do_stable_layer_norm": False,
        "layer_norm_eps": 1e-5,
        "num_conv_pos_embeddings": 5 if stacked else 128,
        "num_conv_pos_embedding_groups": 16,
        "conv_pos_kernel_size": 19,
        "conv_pos_batch_norm": False,
        "adapter_attn_dim": None,
        "add_adapter": False,
        "vocab_size": 32,
        "pad_token_id": 0,
    }
    family = FAMILIES.get(raw["model_type"])
    return defaults | raw | (dict(family.fixed) if family else {})


def _refuse_what_differs(folder: Path, raw: dict[str, Any]) -> None:
    config = folder / "config.json"
    family = FAMILIES.get(raw["model_type"])
    if family is None:
        why = OTHER_NETWORKS.get(raw["model_type"])
        raise CheckpointError(
            f"{config} has model_type {raw['model_type']!r}"
            f"{f', another network: {why}' if why else ''}; served are CTC heads on"
            f" {', '.join(FAMILIES)}"
        )
    architectures = raw.get("architectures") or [family.architecture]
    if family.architecture not in architectures:
        raise CheckpointError(
            f"{config} names the architecture {', '.join(architectures)}; a CTC checkpoint"
            f" names {family.architecture}"
        )
    if raw["feat_extract_norm"] not in {"group", "layer"}:
        raise CheckpointError(
            f"{config} has feat_extract_norm {raw['feat_extract_norm']!r}; known: 'group', 'layer'"
        )
    for key in ("hidden_act", "feat_extract_activation"):
        if raw[key] not in _GELU:
            raise CheckpointError(f"{config} has {key} {raw[key]!r}; only 'gelu' is served")
    if raw["add_adapter"]:
        raise CheckpointError(
            f"{config} has add_adapter true; convolutional adapters are not served"
        )
    if raw["conv_pos_batch_norm"]:
        raise CheckpointError(
            f"{config} has conv_pos_batch_norm true; only positional convolutions with weight norm"
            " are served"
        )
    if raw["adapter_attn_dim"] is not None and not raw["do_stable_layer_norm"]:
        raise CheckpointError(f"{config} has adapter_attn_dim without do_stable_layer_norm")
    sizes = {len(raw[key]) for key in ("conv_dim", "conv_kernel", "conv_stride")}
    if len(sizes) != 1:
        raise CheckpointError(f"{config}: conv_dim, conv_kernel and conv_stride differ in length")
    if raw["hidden_size"] % raw["num_attention_heads"]:
        raise CheckpointError(
            f"{config}: hidden_size {raw['hidden_size']} is no multiple of"
            f" num_attention_heads {raw['num_attention_heads']}"
        )


def _feature_extractor(folder: Path) -> dict[str, Any]:
    """The feature extractor's settings: its own file (2022), or inside the processor's (today)."""
    own = folder / "preprocessor_config.json"
    if own.exists():
        return read_json(own)
    processor = folder / "processor_config.json"
    if processor.exists():
        nested = read_json(processor).get("feature_extractor")
        if isinstance(nested, dict):
            return nested
    raise CheckpointError(
        f"{folder} lacks preprocessor_config.json and a processor_config.json with a"
        " feature_extractor; one of them must describe how the audio is prepared"
    )
