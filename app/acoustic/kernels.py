"""The interface of the encoder's operations, and their implementation by torch on any device.

Activations are rows [frames of all utterances, channels], in the kernels' own layout between
`pack_rows` and `unpack_rows`; `spans` are the rows that belong together. Utterances are never
padded to each other: only utterances of equal length share a tensor dimension, so that the result
of one cannot depend on the rest of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Span:
    """`count` consecutive utterances of `frames` frames each."""

    count: int
    frames: int

    @property
    def rows(self) -> int:
        """Rows of the packed activations that the span covers."""
        return self.count * self.frames


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """One convolution of the feature extractor, as the checkpoint stores it, in float32.

    `weight` is [out, in, kernel]; `norm` is (gain, shift), of a layer norm, or of a group norm
    with one channel a group where `group_norm`.
    """

    weight: Tensor
    bias: Tensor | None
    stride: int
    norm: tuple[Tensor, Tensor] | None
    group_norm: bool


class Conv(Protocol):
    """x [utterances, frames in, channels] → [utterances, frames out, channels].

    One utterance at a time on a CPU; the result is good until the extractor runs again.
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Applies it."""
        ...


class Linear(Protocol):
    """x [rows, in] → [rows, out], plus `residual` [rows, out] where given."""

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Applies it."""
        ...


class Norm(Protocol):
    """x [rows, channels] → the same shape."""

    def __call__(self, x: Tensor) -> Tensor:
        """Applies it."""
        ...


class Positional(Protocol):
    """x [rows, channels] → x plus the position embedding, a convolution over the utterance."""

    def __call__(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """Applies it."""
        ...


class Attention(Protocol):
    """x [rows, channels] → self-attention within each utterance, plus `residual`."""

    def __call__(self, x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
        """Applies it."""
        ...


# A linear layer's weight [out, in] and bias [out], float32.
Parameters = tuple[Tensor, Tensor]


class Kernels(Protocol):
    """Builds the operations from a checkpoint's tensors, in its own layout and precision.

    `dtype` is that of the waveforms, `number_format` that of most products. With `one_at_a_time`
    each utterance is computed alone, so that none depends on the rest of the batch.
    """

    name: str
    device: torch.device
    dtype: torch.dtype
    number_format: str
    one_at_a_time: bool

    def conv(self, layer: ConvLayer) -> Conv:
        """Returns a convolution with its norm and GELU."""
        ...

    def pack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """Converts row-major rows to the kernels' own layout."""
        ...

    def unpack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """Converts the head's rows back to row-major ones."""
        ...

    def linear(self, parameters: Parameters, *, gelu: bool = False, exact: bool = False) -> Linear:
        """Returns a linear layer; an `exact` one is never quantised."""
        ...

    def head(self, parameters: Parameters) -> Linear:
        """Returns the CTC head: a linear layer whose output is float32 logits."""
        ...

    def layer_norm(self, gain: Tensor, shift: Tensor, eps: float) -> Norm:
        """Returns a layer norm over the channels."""
        ...

    def positional(self, weight: Tensor, bias: Tensor, groups: int) -> Positional:
        """Returns x + GELU(grouped convolution of x); weight [out, in per group, kernel]."""
        ...

    def attention(
        self, heads: int, q: Parameters, k: Parameters, v: Parameters, out: Parameters
    ) -> Attention:
        """Returns self-attention with its four projections."""
        ...


class TorchKernels:
    """Every operation by torch, the reference; `PackedTorchKernels` are for accelerators.

    A convolution over contiguous frames is a two-dimensional one of height 1 in
    channels-last order, which torch's libraries run without any copy or transpose.
    """

    name = "torch"

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self.number_format = str(dtype).removeprefix("torch.")
        # On a CPU torch's libraries sum in an order that depends on how many rows there are.
        self.one_at_a_time = device.type == "cpu"

    def _own(self, tensor: Tensor) -> Tensor:
        return tensor.to(device=self.device, dtype=self.dtype).contiguous()

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`."""
        convolve = self.convolution(layer)
        norm = None if layer.norm is None else (self._own(layer.norm[0]), self._own(layer.norm[1]))

        def run(x: Tensor) -> Tensor:
            y = convolve(x)
            if norm is not None and layer.group_norm:
                # Channels-last, as the convolution left it.
                y = functional.group_norm(y.unsqueeze(1).permute(0, 3, 1, 2), y.shape[-1], *norm)
                y = y.permute(0, 2, 3, 1).squeeze(1)
            elif norm is not None:
                y = functional.layer_norm(y, y.shape[-1:], *norm)
            return functional.gelu(y)

        return run

    def convolution(self, layer: ConvLayer) -> Conv:
        """Returns the convolution without its norm and GELU."""
        weight = self._own(layer.weight).unsqueeze(2).contiguous(memory_format=torch.channels_last)
        bias = None if layer.bias is None else self._own(layer.bias)
        stride = (1, layer.stride)

        def run(x: Tensor) -> Tensor:
            # [utterance, frame, channel] seen as channels-last [utterance, channel, 1, frame].
            y = functional.conv2d(x.unsqueeze(1).permute(0, 3, 1, 2), weight, bias, stride)
            return y.permute(0, 2, 3, 1).squeeze(1)

        return run

    def pack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:  # noqa: ARG002
        """See `Kernels`: the layout is row-major."""
        return x

    def unpack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:  # noqa: ARG002
        """See `Kernels`: the layout is row-major."""
        return x

    def linear(
        self,
        parameters: Parameters,
        *,
        gelu: bool = False,
        exact: bool = False,  # noqa: ARG002
    ) -> Linear:
        """See `Kernels`."""
        weight, bias = self._own(parameters[0]), self._own(parameters[1])

        def run(x: Tensor, residual: Tensor | None = None) -> Tensor:
            y = functional.linear(x, weight, bias)
            if gelu:
                y = functional.gelu(y)
            return y if residual is None else y.add_(residual)

        return run

    def head(self, parameters: Parameters) -> Linear:
        """See `Kernels`."""
        linear = TorchKernels.linear(self, parameters)

        def run(x: Tensor, residual: Tensor | None = None) -> Tensor:
            return linear(x, residual).float()

        return run

    def layer_norm(self, gain: Tensor, shift: Tensor, eps: float) -> Norm:
        """See `Kernels`."""
        own_gain, own_shift = self._own(gain), self._own(shift)

        def run(x: Tensor) -> Tensor:
            return functional.layer_norm(x, own_gain.shape, own_gain, own_shift, eps)

        return run

    def positional(self, weight: Tensor, bias: Tensor, groups: int) -> Positional:
        """See `Kernels`."""
        kernel = weight.shape[-1]
        own_weight, own_bias = self._own(weight), self._own(bias)

        def run(x: Tensor, spans: Sequence[Span]) -> Tensor:
            outputs = []
            for part, span in _parts(x, spans):
                y = part.view(span.count, span.frames, -1).transpose(1, 2)
                y = functional.conv1d(y, own_weight, own_bias, padding=kernel // 2, groups=groups)
                # An even kernel makes one frame too many at the end.
                y = functional.gelu(y[..., : span.frames]).transpose(1, 2)
                outputs.append(y.reshape(span.rows, -1))
            return torch.cat(outputs).add_(x)

        return run

    def attention(
        self, heads: int, q: Parameters, k: Parameters, v: Parameters, out: Parameters
    ) -> Attention:
        """See `Kernels`."""
        together = self.linear(stacked(q, k, v))
        back = self.linear(out)

        def run(x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
            outputs = []
            for part, span in _parts(together(x), spans):
                query, key, value = part.view(span.count, span.frames, 3, heads, -1).permute(
                    2, 0, 3, 1, 4
                )
                y = functional.scaled_dot_product_attention(query, key, value)
                outputs.append(y.transpose(1, 2).reshape(span.rows, -1))
            return back(torch.cat(outputs), residual)

        return run


def stacked(q: Parameters, k: Parameters, v: Parameters) -> Parameters:
    """Returns the parameters of queries, keys and values as those of one product."""
    return torch.cat([q[0], k[0], v[0]]), torch.cat([q[1], k[1], v[1]])


def _parts(x: Tensor, spans: Sequence[Span]) -> list[tuple[Tensor, Span]]:
    return list(zip(torch.split(x, [span.rows for span in spans]), spans, strict=True))
