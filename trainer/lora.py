"""Low-rank matrices beside those of the layers, which are trained in their place (LoRA).

Hu et al. 2021, arXiv:2106.09685; on all matrices of the attention and the feed-forward, as Dettmers
et al. 2023, arXiv:2305.14314, found to be needed to reach what training every weight does.
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import nn
from torch.nn.utils import parametrize
from transformers import Wav2Vec2ForCTC

_ADAPTED = (
    "attention.q_proj",
    "attention.k_proj",
    "attention.v_proj",
    "attention.out_proj",
    "feed_forward.intermediate_dense",
    "feed_forward.output_dense",
)
LORA = "lora"
"""Of a checkpoint, `lora.safetensors`: `lora_state`, beside the merged weights."""

_PARTS = "parametrizations.weight."
_ORIGINAL = f"{_PARTS}original"


class LowRank(nn.Module):
    """Adds `scale * b @ a` to a matrix [outputs, inputs]; it begins as zero."""

    def __init__(
        self, outputs: int, inputs: int, *, rank: int, scale: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.empty(rank, inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))
        self.scale = scale
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5), generator=generator)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Returns the sum, in fp32 whatever the precision of the training."""
        with torch.autocast(weight.device.type, enabled=False):
            return _sum(weight, self.a, self.b, self.scale)


def _sum(weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    return weight + scale * (b @ a)


def add_lora(model: Wav2Vec2ForCTC, *, rank: int, alpha: float, seed: int) -> None:
    """Freezes a model save for its head, and adds a low-rank matrix to those of its layers.

    Args:
        model: its matrices keep their names for whoever reads them.
        rank: of the matrices.
        alpha: their sum counts `alpha / rank` times.
        seed: of their first values.
    """
    model.requires_grad_(requires_grad=False)
    model.lm_head.requires_grad_(requires_grad=True)
    generator = torch.Generator().manual_seed(seed)
    for layer in model.wav2vec2.encoder.layers:
        for name in _ADAPTED:
            linear = cast("nn.Linear", layer.get_submodule(name))
            added = LowRank(
                linear.out_features,
                linear.in_features,
                rank=rank,
                scale=alpha / rank,
                generator=generator,
            )
            parametrize.register_parametrization(linear, "weight", added)


def merged_state(
    model: nn.Module, state: Mapping[str, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """Returns the weights of a model under their usual names, low-rank matrices added to theirs.

    Args:
        model: whose modules name the matrices with low-rank ones beside them.
        state: its weights; needed where it holds a part of them only.
    """
    weights = dict(model.state_dict() if state is None else state)
    for name, module in model.named_modules():
        if isinstance(module, LowRank):
            a, b = weights.pop(f"{name}.a"), weights.pop(f"{name}.b")
            matrix = name.removesuffix(f".{_PARTS}0")
            original = weights.pop(f"{matrix}.{_ORIGINAL}")
            weights[f"{matrix}.weight"] = _sum(original, a, b, module.scale).detach()
    return weights


def lora_state(
    model: nn.Module, state: Mapping[str, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """Returns the low-rank matrices and what they are added to; empty where there are none.

    Args:
        model: whose modules name the matrices with low-rank ones beside them.
        state: its weights; needed where it holds a part of them only.
    """
    adapted = tuple(
        name.removesuffix("0")  # the first part of the matrix that it adds to
        for name, module in model.named_modules()
        if isinstance(module, LowRank)
    )
    if not adapted:
        return {}
    weights = model.state_dict() if state is None else state
    return {name: value for name, value in weights.items() if name.startswith(adapted)}


def separated(
    merged: dict[str, torch.Tensor], lora: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Returns the state of a model with low-rank matrices, of `merged_state` and `lora_state`."""
    replaced = {
        f"{name.removesuffix(_ORIGINAL)}weight" for name in lora if name.endswith(_ORIGINAL)
    }
    return {name: value for name, value in merged.items() if name not in replaced} | lora
