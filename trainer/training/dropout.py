"""Dropout for CPUs: torch draws each element's fate in turn, which took a third of an update.

Here they come as bytes from numpy's SFC64, four elements at a time, from a seed of torch's
generator, so that what is computed again for a checkpointed layer drops the same elements.
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_LEVELS = 2**16
_PER_WORD = 4  # elements that 64 random bits decide on


def dropout(hidden: torch.Tensor, probability: float, *, training: bool) -> torch.Tensor:
    """Set each element to zero with a probability, in steps of 1/65,536, and scale up the rest."""
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
        """Drop elements in training, none in evaluation."""
        return dropout(hidden, self._probability, training=self.training)


def use_fast_dropout(model: nn.Module) -> None:
    """Replace every `nn.Dropout` within a model."""
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, FastDropout(child.p))


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, probability: float) -> torch.Tensor:  # noqa: ANN401
        seed = int(torch.randint(2**63 - 1, ()))
        words = np.random.SFC64(seed).random_raw(-(-hidden.numel() // _PER_WORD))
        fates = torch.from_numpy(words.view(np.int16)[: hidden.numel()]).view(hidden.shape)
        ctx.dropped = fates < round(probability * _LEVELS) - _LEVELS // 2
        ctx.scale = 1 / (1 - probability)
        return hidden.masked_fill(ctx.dropped, 0).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401
        return gradients[0].masked_fill(ctx.dropped, 0).mul_(ctx.scale), None
