"""Computes CTC logits with the weights of transformers, in an order of operations for training.

What differs from `Wav2Vec2ForCTC.forward`: the front end keeps channels last; SpecAugment's
masks come with the batch; padding is hidden by one bias a row, where transformers builds a mask
of [items, 1, frames, frames]; the layers are run by `run_layer`.
"""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import Wav2Vec2ForCTC

from trainer.errors import RecipeError
from trainer.training.dropout import use_fast_dropout
from trainer.training.extractor import fast_extractor
from trainer.training.layers import run_layer


class CtcNetwork(nn.Module):
    """The model to train; its weights stay those of `model`, under their names.

    Args:
        model: of transformers; it can no longer be called itself.
        device: where it will be trained.
        recompute: keep only what goes into each layer, and compute the rest again in the backward
            pass (gradient checkpointing).

    Raises:
        RecipeError: the model has an adapter, which changes the number of frames.
    """

    def __init__(
        self, model: Wav2Vec2ForCTC, device: torch.device, *, recompute: bool = False
    ) -> None:
        super().__init__()
        if model.wav2vec2.adapter is not None:
            raise RecipeError("models with an adapter on top of the encoder cannot be trained here")
        base: Any = model.wav2vec2
        base.feature_extractor = fast_extractor(base.feature_extractor, model.config)
        if device.type == "cpu":
            use_fast_dropout(model)
            # oneDNN compiles a kernel for each shape of each product. Its usual 1,024 are those
            # of about 35 widths of a batch; below that it would throw away what it needs next.
            os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
        for layer in base.encoder.layers:
            layer.forward = partial(
                _run, layer, norm_first=model.config.do_stable_layer_norm, recompute=recompute
            )
        self.model = model
        self.layer_drop: torch.Generator | None = None
        """Draws the layers that are left out; None is torch's own generator."""

    @property
    def layers(self) -> Iterator[nn.Module]:
        """The transformer layers, each of which is computed by calling it."""
        base: Any = self.model.wav2vec2
        yield from base.encoder.layers

    def forward(
        self,
        waveforms: torch.Tensor,
        frames: torch.Tensor,
        time_mask: torch.Tensor | None = None,
        feature_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Returns logits [items, frames, tokens].

        Args:
            waveforms: padded with zeros, [items, samples].
            frames: how many of each row are no padding, [items], on the CPU.
            time_mask: frames to replace by the learnt mask vector, bool [items, frames].
            feature_mask: channels to set to zero, bool [items, hidden].
        """
        model = self.model
        base: Any = model.wav2vec2
        hidden, _ = base.feature_projection(base.feature_extractor(waveforms))
        if time_mask is not None:
            # By products: choosing by `where` takes a CPU ten times as long.
            hide = time_mask[..., None].to(hidden.dtype)
            hidden = hidden * (1 - hide) + base.masked_spec_embed.to(hidden.dtype) * hide
        if feature_mask is not None:
            hidden = hidden * (~feature_mask)[:, None].to(hidden.dtype)
        hidden = self._encode(hidden, frames)
        return cast("torch.Tensor", model.lm_head(model.dropout(hidden)))

    def _encode(self, hidden: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        encoder: Any = self.model.wav2vec2.encoder
        config = self.model.config
        bias = None
        if int(frames.min()) < hidden.shape[1]:
            places = torch.arange(hidden.shape[1], device=hidden.device)
            padding = places >= frames.to(hidden.device)[:, None]
            hidden = hidden * (~padding)[..., None].to(hidden.dtype)
            lowest = torch.finfo(hidden.dtype).min
            bias = torch.zeros_like(padding, dtype=hidden.dtype).masked_fill_(padding, lowest)
            bias = bias[:, None]
        hidden = hidden + encoder.pos_conv_embed(hidden)
        if not config.do_stable_layer_norm:
            hidden = encoder.layer_norm(hidden)
        hidden = encoder.dropout(hidden)
        for layer in encoder.layers:
            # Layer drop, Fan et al. 2019, arXiv:1909.11556.
            if self.training and config.layerdrop and self._drops(config.layerdrop):
                continue
            hidden = layer(hidden, bias)
        return encoder.layer_norm(hidden) if config.do_stable_layer_norm else hidden

    def _drops(self, probability: float) -> bool:
        return bool(torch.rand((), generator=self.layer_drop) < probability)


def _run(
    layer: nn.Module,
    hidden: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    norm_first: bool,
    recompute: bool,
) -> torch.Tensor:
    """Returns what a layer makes of hidden states, in the backward pass again if `recompute`."""
    if not (recompute and layer.training):
        return run_layer(layer, hidden, bias, norm_first=norm_first)
    done: torch.Tensor = checkpoint(
        run_layer, layer, hidden, bias, norm_first=norm_first, use_reentrant=False
    )
    return done
