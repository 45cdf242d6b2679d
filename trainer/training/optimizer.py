"""Builds the optimiser of a recipe with its parameter groups."""

import re

import torch
from torch import nn

from trainer.recipe import Recipe

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
    """Returns AdamW in one fused pass, or Adafactor; the rate is set before each update."""
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
    if recipe.adaptation is not None and recipe.adaptation.optimiser == "adafactor":
        # Matrix by matrix, which needs the memory of one at a time.
        return torch.optim.Adafactor(groups, lr=1.0, foreach=False)
    return torch.optim.AdamW(groups, lr=1.0, betas=numbers.betas, eps=numbers.epsilon, fused=True)
