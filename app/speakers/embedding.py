"""CAM++, the network that turns speech into the values of its speaker's voice, in torch.

Hui Wang and others: CAM++: A fast and efficient network for speaker verification using
context-aware masking (2023). The names of the parameters are those of 3D-Speaker's checkpoints.
"""

from collections import OrderedDict
from typing import Self

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.speakers.features import BANDS

VALUES = 192
_GROWTH = 32
_BOTTLENECK = 4 * _GROWTH
_CHANNELS = 128
_HEAD_CHANNELS = 32
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Of each block its number of layers and the dilation of their convolutions."""
_CONTEXT = 100
"""Frames of the local context of the masks."""


class CamPlusPlus(nn.Module):
    """Turns features into embeddings of speakers."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _Head()
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            tdnn=_TimeDelay(_HEAD_CHANNELS * (BANDS // 8), _CHANNELS)
        )
        channels = _CHANNELS
        for number, (layers, dilation) in enumerate(_BLOCKS, 1):
            parts[f"block{number}"] = _DenseBlock(channels, layers, dilation)
            channels += layers * _GROWTH
            parts[f"transit{number}"] = _Transition(channels, channels // 2)
            channels //= 2
        parts["out_nonlinear"] = _normalised(channels)
        parts["stats"] = _Statistics()
        parts["dense"] = _Dense(2 * channels, VALUES)
        self.xvector = nn.Sequential(parts)

    def prepare(self) -> Self:
        """Folds normalisations into the convolutions before them, for inference; a sixth faster."""
        self.eval()
        for module in self.head.modules():
            for convolution, norm in (("conv1", "bn1"), ("conv2", "bn2")):
                if isinstance(before := getattr(module, convolution, None), nn.Conv2d):
                    folded = fuse_conv_bn_eval(before, module.get_submodule(norm))  # type: ignore[arg-type]
                    setattr(module, convolution, folded)
                    setattr(module, norm, nn.Identity())
        self.head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Returns features [batch, frames, bands] as [batch, VALUES]."""
        embedding: torch.Tensor = self.xvector(self.head(features.transpose(1, 2)))
        return embedding


class _Residual(nn.Module):
    """Two convolutions over bands and frames, and what goes past them."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        channels = _HEAD_CHANNELS
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, channels, 1, (stride, 1), bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.bn1(self.conv1(values)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(values))


class _Head(nn.Module):
    """Turns bands into channels: [batch, bands, frames] into [batch, channels, frames]."""

    def __init__(self) -> None:
        super().__init__()
        channels = _HEAD_CHANNELS
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(_Residual(2), _Residual(1))
        self.layer2 = nn.Sequential(_Residual(2), _Residual(1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        values = functional.relu(self.bn1(self.conv1(features.unsqueeze(1))))
        values = self.layer2(self.layer1(values))
        values = functional.relu(self.bn2(self.conv2(values)))
        return values.flatten(1, 2)


class _TimeDelay(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, out, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _normalised(out)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.nonlinear(self.linear(values))
        return out


class _Mask(nn.Module):
    """A convolution whose channels are weighted by the context of each frame."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            _BOTTLENECK, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _GROWTH, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        # Computed once a stretch of frames, which all have the same context.
        local = functional.avg_pool1d(values, _CONTEXT, _CONTEXT, ceil_mode=True)
        context = values.mean(-1, keepdim=True) + local
        mask = self.linear2(functional.relu(self.linear1(context))).sigmoid()
        mask = mask.repeat_interleave(_CONTEXT, dim=-1)[..., : values.shape[-1]]
        masked: torch.Tensor = self.linear_local(values) * mask
        return masked


class _DenseLayer(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _normalised(channels)
        self.linear1 = nn.Conv1d(channels, _BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _normalised(_BOTTLENECK)
        self.cam_layer = _Mask(dilation)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(values))))
        return out


class _DenseBlock(nn.Module):
    """Layers that each take what all before them gave."""

    def __init__(self, channels: int, layers: int, dilation: int) -> None:
        super().__init__()
        for index in range(layers):
            layer = _DenseLayer(channels + index * _GROWTH, dilation)
            self.add_module(f"tdnnd{index + 1}", layer)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        for layer in self.children():
            values = torch.cat([values, layer(values)], dim=1)
        return values


class _Transition(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.nonlinear = _normalised(channels)
        self.linear = nn.Conv1d(channels, out, 1, bias=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(self.nonlinear(values))
        return out


class _Statistics(nn.Module):
    """Pools [batch, channels, frames] into mean and deviation, [batch, 2 * channels]."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        mean = values.mean(-1)
        if values.shape[-1] == 1:
            return torch.cat([mean, torch.full_like(mean, 1e-2)], dim=-1)
        return torch.cat([mean, values.std(-1)], dim=-1)


class _Dense(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, out, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(out, affine=False)))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.nonlinear(self.linear(values.unsqueeze(-1)).squeeze(-1))
        return out


def _normalised(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))
