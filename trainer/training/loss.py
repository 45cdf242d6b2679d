"""A model and a batch in, the CTC loss of every utterance out, in fp32."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch.nn import functional
from transformers import Wav2Vec2Config

from trainer.errors import RecipeError
from trainer.training.batches import Batch

_DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(name: str, device: torch.device) -> str:
    """Return fp16, bf16 or fp32 for a recipe's word and a device.

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
    """Return the mixed-precision context of a resolved precision."""
    dtype = _DTYPES[precision]
    return torch.autocast(device.type, dtype=dtype) if dtype else nullcontext()


def frame_counts(config: Wav2Vec2Config, samples: torch.Tensor) -> torch.Tensor:
    """Return how many frames of logits so many samples give, [items]."""
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = torch.div(samples - kernel, stride, rounding_mode="floor") + 1
    return samples.clamp(min=0)


def utterance_losses(logits: torch.Tensor, batch: Batch, config: Wav2Vec2Config) -> torch.Tensor:
    """Return the negative log-likelihood of each utterance, fp32 [items].

    Log-softmax and loss are in fp32: half precision gives NaN on silence.
    """
    losses: torch.Tensor = functional.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        batch.targets,
        frame_counts(config, batch.lengths),
        batch.target_lengths,
        blank=cast("int", config.pad_token_id),
        reduction="none",
        zero_infinity=config.ctc_zero_infinity,
    )
    return losses
