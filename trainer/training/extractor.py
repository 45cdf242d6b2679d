"""The convolutional front end for training: the weights of transformers, another memory layout.

Activations stay [batch, time, channel], so the layer norm acts on contiguous memory and nothing
is transposed. A convolution is a product over blocks of one stride, and where its kernel is
longer, another product with the blocks that follow. A frozen front end runs on the service's
kernels, without a gradient.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from torch import nn
from transformers import Wav2Vec2Config

from app.acoustic.choice import choose_kernels
from app.acoustic.config import make_config
from app.acoustic.device import has_bf16_matrix_units
from app.acoustic.kernels import Conv, ConvLayer
from app.audio.frames import FrameGrid

_DTYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


def fast_extractor(extractor: nn.Module, config: Wav2Vec2Config) -> nn.Module:
    """Returns what takes the place of a `Wav2Vec2FeatureEncoder`, with its parameters and names.

    It maps waveforms [batch, samples] to features [batch, frames, channel].
    """
    if not any(parameter.requires_grad for parameter in extractor.parameters()):
        return FrozenExtractor(extractor, config)
    if config.feat_extract_norm == "layer":
        return ChannelsLastExtractor(extractor)
    return StockExtractor(extractor)


class StockExtractor(nn.Module):
    """The front end as it is, for models whose first layer has a group norm."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.conv_layers = cast("nn.ModuleList", extractor.conv_layers)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Maps waveforms [batch, samples] to features [batch, frames, channel]."""
        hidden = waveforms[:, None]
        for layer in self.conv_layers:
            hidden = layer(hidden)
        return hidden.transpose(1, 2)


class ChannelsLastExtractor(nn.Module):
    """A trainable front end whose layers all have a layer norm."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.conv_layers = cast("nn.ModuleList", extractor.conv_layers)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Maps waveforms [batch, samples] to features [batch, frames, channel]."""
        hidden = waveforms.unsqueeze(-1)
        for layer in self.conv_layers:
            hidden = convolve(hidden, cast("nn.Conv1d", layer.conv))
            norm = cast("nn.LayerNorm", layer.layer_norm)
            weight, bias = norm.weight.to(hidden.dtype), norm.bias.to(hidden.dtype)
            shape = list(norm.normalized_shape)
            hidden = F.gelu(F.layer_norm(hidden, shape, weight, bias, norm.eps))
        return hidden


class FrozenExtractor(nn.Module):
    """A frozen front end, run utterance by utterance on the service's kernels."""

    def __init__(self, extractor: nn.Module, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.conv_layers = cast("nn.ModuleList", extractor.conv_layers)
        self._config = make_config(config.to_dict(), {})
        self._built: dict[tuple[torch.device, torch.dtype], tuple[torch.dtype, list[Conv]]] = {}

    @torch.no_grad()
    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Maps waveforms [batch, samples] to features [batch, frames, channel]."""
        device = waveforms.device
        dtype = torch.float32
        if torch.is_autocast_enabled(device.type):
            dtype = torch.get_autocast_dtype(device.type)
        own_dtype, convolutions = self._convolutions(device, dtype)
        # A CPU's cache holds one utterance at a time at best.
        parts = torch.split(waveforms, 1) if device.type == "cpu" else (waveforms,)
        done: list[torch.Tensor] = []
        for part in parts:
            hidden = part.to(own_dtype).unsqueeze(-1)
            for convolution in convolutions:
                hidden = convolution(hidden)
            # A copy: kernels give out memory that they will write again.
            done.append(hidden.to(dtype, copy=True))
        return torch.cat(done)

    def _convolutions(
        self, device: torch.device, dtype: torch.dtype
    ) -> tuple[torch.dtype, list[Conv]]:
        if (device, dtype) not in self._built:
            number_format = _DTYPES[dtype]
            if device.type == "cpu" and dtype == torch.bfloat16 and not has_bf16_matrix_units():
                number_format = "float32"
            kernels = choose_kernels(self._config, device, number_format)
            layers = [
                kernels.conv(_described(layer, group_norm=self._config.group_norm))
                for layer in self.conv_layers
            ]
            self._built[device, dtype] = kernels.dtype, layers
        return self._built[device, dtype]


def _described(layer: nn.Module, *, group_norm: bool) -> ConvLayer:
    convolution = cast("nn.Conv1d", layer.conv)
    norm = getattr(layer, "layer_norm", None)
    return ConvLayer(
        weight=_copy(convolution.weight),
        bias=None if convolution.bias is None else _copy(convolution.bias),
        stride=convolution.stride[0],
        norm=None if norm is None else (_copy(norm.weight), _copy(norm.bias)),
        group_norm=group_norm,
    )


def _copy(weight: torch.Tensor) -> torch.Tensor:
    """Returns a copy in fp32: of a model in parts, weights are whole for a moment only."""
    return weight.detach().float().clone()


def convolve(hidden: torch.Tensor, convolution: nn.Conv1d) -> torch.Tensor:
    """Applies a 1-d convolution to [batch, time, channel]; returns [batch, frames, channel].

    Kernels of one to two strides only, as every wav2vec2 has them.
    """
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    batch, time, channels = hidden.shape
    frames = FrameGrid(stride, kernel).frames(time)
    weight = convolution.weight.permute(0, 2, 1)
    rest = kernel - stride
    if channels == 1:
        # Windows of samples are small; their copy costs less than sums of two halves.
        sums = F.linear(hidden.squeeze(-1).unfold(1, kernel, stride), weight.flatten(1))
    elif rest == stride:
        first, second = weight.chunk(2, dim=1)
        halves = torch.cat([first.flatten(1), second.flatten(1)])
        blocks = hidden[:, : (frames + 1) * stride].reshape(batch, frames + 1, stride * channels)
        sums = cast("torch.Tensor", _Halves.apply(blocks, halves.to(blocks.dtype)))  # type: ignore[no-untyped-call]
    else:
        blocks = hidden[:, : frames * stride].reshape(batch, frames, stride * channels)
        sums = F.linear(blocks, weight[:, :stride].flatten(1))
        if rest:
            places = [hidden[:, stride + i :: stride][:, :frames] for i in range(rest)]
            sums = sums + F.linear(torch.cat(places, dim=-1), weight[:, stride:].flatten(1))
    return sums if convolution.bias is None else sums + convolution.bias.to(sums.dtype)


class _Halves(torch.autograd.Function):
    """A kernel of two strides: each block meets its first half, the next block the second.

    By hand, since autograd would fill and add a tensor of zeros for each of the two slices.
    """

    @staticmethod
    def forward(ctx: Any, blocks: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        """Returns sums [batch, n - 1, out] for blocks [batch, n, in], weight [2 x out, in]."""
        ctx.save_for_backward(blocks, weight)
        early, late = F.linear(blocks, weight).chunk(2, dim=-1)
        return early[:, :-1] + late[:, 1:]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401
        """Returns the gradients of both."""
        blocks, weight = ctx.saved_tensors
        (gradient,) = gradients
        batch, frames, out = gradient.shape
        halves = gradient.new_empty(batch, frames + 1, 2 * out)
        halves[:, :-1, :out] = gradient
        halves[:, -1, :out] = 0
        halves[:, 1:, out:] = gradient
        halves[:, 0, out:] = 0
        rows = halves.flatten(0, 1)
        return (rows @ weight).view_as(blocks), rows.t() @ blocks.flatten(0, 1)
