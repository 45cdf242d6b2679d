"""`Kernels` by our compiled functions: weights packed once, every pass over the data fused.

Each row of a product is summed in the same order whatever the batch, so an utterance's
emissions are the same to the last bit alone and in company.
"""

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from app.acoustic.kernels import Conv, ConvLayer, Kernels, Linear, Norm, Span, Spanned, TorchKernels

# What one tile product consumes along the depth, and a register block covers in columns.
_STEP = 32
_BLOCK = 32


class AmxKernels:
    """Operations in bf16 by AMX; what its tiles cannot divide is left to torch.

    Args:
        library: from `load_library`.
    """

    name = "amx"

    def __init__(self, library: ctypes.CDLL) -> None:
        self.device = torch.device("cpu")
        self.dtype = torch.bfloat16
        self._library = library
        self._torch: Kernels = TorchKernels(self.device, self.dtype)
        self._workspace = torch.empty(0, dtype=torch.uint8)

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`."""
        out_channels, in_channels, kernel = layer.weight.shape
        depth = in_channels * kernel
        if layer.group_norm or layer.norm is None or out_channels % _BLOCK:
            return self._torch.conv(layer)
        if depth % _STEP and in_channels > 1:
            return self._torch.conv(layer)
        packed = pack(layer.weight.permute(0, 2, 1).reshape(1, out_channels, depth))
        bias = layer.bias if layer.bias is not None else torch.zeros(out_channels)
        gain, shift = layer.norm
        bias, gain, shift = bias.contiguous(), gain.contiguous(), shift.contiguous()
        run = self._library.nordlyd_conv_norm_gelu
        hop = layer.stride * in_channels

        def apply(x: Tensor) -> Tensor:
            outputs = []
            for one in x:
                rows = (one.shape[0] - kernel) // layer.stride + 1
                # The first layer's windows are shorter than a tile: its last rows read on.
                source = functional.pad(one, (0, 0, 0, _STEP)) if depth % _STEP else one
                out = torch.empty(rows, out_channels, dtype=torch.bfloat16)
                scratch = self._scratch(torch.get_num_threads() * 2 * _BLOCK * out_channels * 4)
                run(
                    *(source.data_ptr(), hop, rows, packed.data_ptr(), out_channels),
                    *(_round_up(depth, _STEP), bias.data_ptr(), gain.data_ptr()),
                    *(shift.data_ptr(), 1e-5, out.data_ptr(), scratch),
                )
                outputs.append(out)
            return torch.stack(outputs) if len(outputs) > 1 else outputs[0].unsqueeze(0)

        return apply

    def linear(self, weight: Tensor, bias: Tensor, *, gelu: bool = False) -> Linear:
        """See `Kernels`."""
        return self._linear(weight, bias, gelu=gelu, dtype=torch.bfloat16)

    def head(self, weight: Tensor, bias: Tensor) -> Linear:
        """See `Kernels`."""
        return self._linear(weight, bias, gelu=False, dtype=torch.float32)

    def _linear(self, weight: Tensor, bias: Tensor, *, gelu: bool, dtype: torch.dtype) -> Linear:
        columns, depth = weight.shape
        if depth % _STEP:
            fallback = self._torch.head if dtype == torch.float32 else self._torch.linear
            return fallback(weight, bias, gelu=gelu) if gelu else fallback(weight, bias)
        packed = pack(weight.unsqueeze(0))
        bias = bias.contiguous()
        run = self._library.nordlyd_linear

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            out = torch.empty(x.shape[0], columns, dtype=dtype)
            run(
                *(x.data_ptr(), depth, 0, x.shape[0], packed.data_ptr(), 1, columns, depth),
                *(bias.data_ptr(), _pointer(residual), columns, out.data_ptr(), columns),
                *(int(gelu), int(dtype == torch.float32)),
            )
            return out

        return apply

    def layer_norm(self, gain: Tensor, shift: Tensor, eps: float) -> Norm:
        """See `Kernels`."""
        columns = gain.shape[0]
        if columns % 16:
            return self._torch.layer_norm(gain, shift, eps)
        gain, shift = gain.contiguous(), shift.contiguous()
        run = self._library.nordlyd_layer_norm

        def apply(x: Tensor) -> Tensor:
            out = torch.empty_like(x)
            run(
                *(x.data_ptr(), x.shape[0], columns, gain.data_ptr(), shift.data_ptr()),
                *(eps, out.data_ptr()),
            )
            return out

        return apply

    def positional(self, weight: Tensor, bias: Tensor, groups: int) -> Spanned:
        """See `Kernels`."""
        channels, width, kernel = weight.shape
        depth = width * kernel
        if depth % _STEP or (channels // groups) != width:
            return self._torch.positional(weight, bias, groups)
        by_group = weight.view(groups, width, width, kernel).permute(0, 1, 3, 2)
        packed = pack(by_group.reshape(groups, width, depth))
        bias = bias.contiguous()
        run = self._library.nordlyd_linear
        before = kernel // 2

        def apply(x: Tensor, spans: Sequence[Span]) -> Tensor:
            out = torch.empty_like(x)
            start = 0
            for frames in (span.frames for span in spans for _ in range(span.count)):
                rows = x[start : start + frames].view(frames, groups, width).transpose(0, 1)
                padded = functional.pad(rows, (0, 0, before, kernel - before))
                run(
                    *(padded.data_ptr(), width, padded.stride(0), frames, packed.data_ptr()),
                    *(groups, width, depth, bias.data_ptr(), x[start].data_ptr(), channels),
                    *(out[start].data_ptr(), channels, 1, 0),
                )
                start += frames
            return out

        return apply

    def attention(self, heads: int) -> Spanned:
        """See `Kernels`."""
        run = self._library.nordlyd_attention
        needed = self._library.nordlyd_attention_workspace

        def apply(x: Tensor, spans: Sequence[Span]) -> Tensor:
            hidden = x.shape[1] // 3
            out = torch.empty(x.shape[0], hidden, dtype=torch.bfloat16)
            start = 0
            for frames in (span.frames for span in spans for _ in range(span.count)):
                size = needed(frames, heads, hidden // heads, torch.get_num_threads())
                run(
                    *(x[start].data_ptr(), frames, heads, hidden // heads),
                    *(out[start].data_ptr(), self._scratch(size)),
                )
                start += frames
            return out

        return apply

    def _scratch(self, size: int) -> int:
        """The address of `size` bytes, aligned to a cache line, kept from call to call."""
        if len(self._workspace) < size + 64:
            self._workspace = torch.empty(size + 64, dtype=torch.uint8)
        address = self._workspace.data_ptr()
        return address + (-address) % 64


def pack(weight: Tensor) -> Tensor:
    """Weights in the order in which the tile products read them.

    Args:
        weight: float32 [groups, columns, depth]; row n is output n.

    Returns:
        bf16 [groups, panels, steps, 2, 16, 16, 2]: panels of 32 columns, steps of 32 values,
        each two tiles of 16 columns with pairs of values side by side; padded with zeros.
    """
    groups, columns, depth = weight.shape
    padded = functional.pad(
        weight,
        (0, _round_up(depth, _STEP) - depth, 0, _round_up(columns, _BLOCK) - columns),
    )
    tiles = padded.to(torch.bfloat16).view(
        groups, padded.shape[1] // _BLOCK, 2, 16, padded.shape[2] // _STEP, 16, 2
    )
    return tiles.permute(0, 1, 4, 2, 5, 3, 6).contiguous()


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
