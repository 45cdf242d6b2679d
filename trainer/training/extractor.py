"""The convolutional front end for training: the weights of transformers, another memory layout.

Activations stay [batch, time, channel], so the layer norm acts on contiguous memory and nothing
is transposed. A kernel of twice its stride is two matrix products over blocks of one stride:
each block meets the first half of the kernel, the next block the second half.
"""

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from torch import nn
from transformers import Wav2Vec2ForCTC


class ChannelsLastExtractor(nn.Module):
    """Takes the place of `Wav2Vec2FeatureEncoder`, sharing its parameters and their names.

    Args:
        extractor: an encoder whose layers all have a layer norm (`feat_extract_norm="layer"`).
    """

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.conv_layers = cast("nn.ModuleList", extractor.conv_layers)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Map waveforms [batch, samples] to features [batch, channel, frames]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._learns):
            return self._features(waveforms)

    @property
    def _learns(self) -> bool:
        return any(parameter.requires_grad for parameter in self.parameters())

    def _features(self, waveforms: torch.Tensor) -> torch.Tensor:
        hidden = waveforms.unsqueeze(-1)
        for layer in self.conv_layers:
            hidden = convolve(hidden, cast("nn.Conv1d", layer.conv))
            norm = cast("nn.LayerNorm", layer.layer_norm)
            weight, bias = norm.weight.to(hidden.dtype), norm.bias.to(hidden.dtype)
            shape = list(norm.normalized_shape)
            hidden = F.gelu(F.layer_norm(hidden, shape, weight, bias, norm.eps))
        return hidden.transpose(1, 2)


def convolve(hidden: torch.Tensor, convolution: nn.Conv1d) -> torch.Tensor:
    """Apply a 1-d convolution to [batch, time, channel]; returns [batch, frames, channel]."""
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    if kernel != 2 * stride:
        plain: torch.Tensor = convolution(hidden.transpose(1, 2))
        return plain.transpose(1, 2).contiguous()
    batch, time, channels = hidden.shape
    count = time // stride
    blocks = hidden[:, : count * stride].reshape(batch, count, stride * channels)
    first, second = convolution.weight.permute(0, 2, 1).chunk(2, dim=1)
    halves = F.linear(blocks, torch.cat([first.flatten(1), second.flatten(1)]))
    early, late = halves.chunk(2, dim=-1)
    frames = early[:, :-1] + late[:, 1:]
    return frames if convolution.bias is None else frames + convolution.bias.to(frames.dtype)


def use_fast_layout(model: Wav2Vec2ForCTC, device: torch.device) -> Wav2Vec2ForCTC:
    """Give a model the faster front end, where it has layer norms, and return it.

    On a CPU attention becomes two plain matrix products: there the backward pass of the fused
    kernel takes five times as long for the short sequences of training.
    """
    if model.config.feat_extract_norm == "layer":
        encoder = model.wav2vec2.feature_extractor
        model.wav2vec2.feature_extractor = ChannelsLastExtractor(encoder)  # type: ignore[assignment]
    if device.type == "cpu":
        model.set_attn_implementation("eager")
    return model
