"""Dropout for CPUs: torch draws for one element after another, which took a third of an update.

Here they come as bytes from numpy's SFC64, four elements at a time, from a seed of torch's
generator, so that what is computed again for a checkpointed layer drops the same elements.
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_LEVELS = 2**15
_PER_WORD = 4  # elements that 64 random bits decide on


def dropout(hidden: torch.Tensor, probability: float, *, training: bool) -> torch.Tensor:
    """Sets each element to zero with a probability, in steps of 1/32,768, and scale up the rest."""
    if not training or probability == 0:
        return hidden
    if hidden.device.type != "cpu":
        return functional.dropout(hidden, probability, training=True)
    result: torch.Tensor = _Drop.apply(hidden, probability)  # type: ignore[no-untyped-call]
    return result


class FastDropout(nn.Module):
    """Takes the place of `nn.Dropout`."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self._probability = probability

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Drops elements in training, none in evaluation."""
        return dropout(hidden, self._probability, training=self.training)


def use_fast_dropout(model: nn.Module) -> None:
    """Replaces every `nn.Dropout` within a model."""
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, FastDropout(child.p))


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, probability: float) -> torch.Tensor:  # noqa: ANN401
        seed = int(torch.randint(2**63 - 1, ()))
        words = np.random.SFC64(seed).random_raw(-(-hidden.numel() // _PER_WORD))
        # All bits set where an element stays: a sign, spread. torch's own ways to choose
        # elements (masked_fill, where) take ten times as long as arithmetic does.
        fates = words.view(np.int16)[: hidden.numel()] & np.int16(_LEVELS - 1)
        np.subtract(np.int16(round(probability * _LEVELS) - 1), fates, out=fates)
        np.right_shift(fates, 15, out=fates)
        ctx.kept = torch.from_numpy(fates).view(hidden.shape)
        ctx.scale = 1 / (1 - probability)
        return _keep(hidden, ctx.kept, ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401
        return _keep(gradients[0], ctx.kept, ctx.scale), None


def _keep(values: torch.Tensor, kept: torch.Tensor, scale: float) -> torch.Tensor:
    if values.element_size() == kept.element_size():
        bits = values.contiguous().view(torch.int16).bitwise_and(kept)
        return bits.view(values.dtype).mul_(scale)
    return (values * kept).mul_(-scale)
