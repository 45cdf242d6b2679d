"""Builds the optimiser of a recipe with its parameter groups, and clips gradients."""

import re
from collections.abc import Iterable
from typing import cast

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from trainer.recipe import Recipe
from trainer.training.adamw8bit import AdamW8bit

# As transformers' Trainer: no decay of norms and biases.
_NO_DECAY = re.compile(r"bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)")


def decaying_parameters(network: nn.Module) -> set[str]:
    """Returns the names of the parameters that weight decay applies to."""
    norms = {
        f"{module}.{name}" if module else name
        for module, layer in network.named_modules()
        if isinstance(layer, nn.LayerNorm)
        for name, _ in layer.named_parameters()
    }
    names = {name for name, _ in network.named_parameters()} - norms
    return {name for name in names if not _NO_DECAY.search(name.lower())}


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Returns AdamW in one fused pass or in 8 bits, or Adafactor; rates are set before each update.

    Args:
        network: its parameters may be divided among devices, but not for Adafactor.
        recipe: names the optimiser, and has its numbers.
    """
    numbers = recipe.training
    decays = decaying_parameters(network)
    groups = [
        {
            "params": [
                parameter
                for name, parameter in network.named_parameters()
                if parameter.requires_grad and (name in decays) == decay
            ],
            "weight_decay": numbers.weight_decay if decay else 0.0,
        }
        for decay in (True, False)
    ]
    if recipe.optimiser == "adafactor":
        # Matrix by matrix, which needs the memory of one at a time.
        return torch.optim.Adafactor(groups, lr=1.0, foreach=False)
    if recipe.optimiser == "adamw8bit":
        return AdamW8bit(groups, lr=1.0, betas=numbers.betas, eps=numbers.epsilon)
    return torch.optim.AdamW(groups, lr=1.0, betas=numbers.betas, eps=numbers.epsilon, fused=True)


def clip_gradient(parameters: Iterable[nn.Parameter], limit: float) -> torch.Tensor:
    """Clips the gradient of all parameters together, and returns the norm that it had.

    Args:
        parameters: whole, or divided among devices; those without a gradient count for nothing.
        limit: the largest norm.
    """
    trained = [each for each in parameters if each.grad is not None]
    gradients = [cast("torch.Tensor", each.grad) for each in trained]
    norm = nn.utils.get_total_norm(gradients, foreach=True)
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()
    nn.utils.clip_grads_with_norm_(trained, limit, norm, foreach=True)
    return norm
