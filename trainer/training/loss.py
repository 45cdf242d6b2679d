"""Computes the CTC loss of each utterance of a batch, in fp32."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn import functional

from trainer.errors import RecipeError
from trainer.training.batches import Batch

_DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(name: str, device: torch.device) -> str:
    """Returns fp16, bf16 or fp32 for a recipe's word and a device.

    Raises:
        RecipeError: an unknown word, or fp16 without CUDA, where no gradients can be scaled.
    """
    cuda = device.type == "cuda"
    if name == "auto":
        fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return "fp16" if cuda else "bf16" if fast else "fp32"
    if name not in _DTYPES:
        raise RecipeError(f"precision {name!r} is none of auto, {', '.join(_DTYPES)}")
    if name == "fp16" and not cuda:
        raise RecipeError("precision fp16 needs CUDA; --precision auto takes what this device has")
    return name


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Returns the mixed-precision context of a resolved precision."""
    dtype = _DTYPES[precision]
    return torch.autocast(device.type, dtype=dtype) if dtype else nullcontext()


def utterance_losses(
    logits: torch.Tensor, batch: Batch, *, blank: int, zero_infinity: bool
) -> torch.Tensor:
    """Returns the negative log-likelihood of each utterance, fp32 [items].

    Log-softmax and loss are in fp32: half precision gives NaN on silence.

    Args:
        logits: [items, frames, tokens].
        batch: what they are of.
        blank: index of the blank token.
        zero_infinity: count a text that is too long for its frames as 0.
    """
    losses: torch.Tensor = functional.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        batch.targets,
        batch.frames,
        batch.target_lengths,
        blank=blank,
        reduction="none",
        zero_infinity=zero_infinity,
    )
    return losses


def loss_share(batch: Batch, per: str) -> tuple[torch.Tensor, int]:
    """Returns what each loss of a batch is multiplied by, [items], and what their sum is over.

    Divided by the sum of the latter over all batches of an update, the losses make a mean that
    does not depend on how the update was cut. Per `utterance` is the reduction `mean` of torch.
    """
    if per == "utterance":
        return 1 / batch.target_lengths.clamp(min=1), len(batch.rows)
    return torch.ones(len(batch.rows)), int(batch.target_lengths.sum())
