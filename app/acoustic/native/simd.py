"""`Kernels` on row-major fp32, by our compiled SIMD functions (simd.h).

Every product packs its rows into its own number format and writes fp32: the format of the linear
layers and that of all other products are chosen independently. Each element is summed in the same
order whatever the batch, so an utterance's emissions are bit-identical in any batch.
"""

import ctypes
import math
from collections.abc import Sequence
from enum import IntEnum

import torch
from torch import Tensor
from torch.nn import functional

from app.acoustic.int8 import quantise_rows
from app.acoustic.kernels import (
    Attention,
    Conv,
    ConvLayer,
    Linear,
    Norm,
    Parameters,
    Positional,
    Span,
    TorchKernels,
    stacked,
)
from app.acoustic.native.levels import Level
from app.acoustic.native.library import AttentionTask, LayerNorm, Product


class Format(IntEnum):
    """The number format of a product's factors; numbered as in simd_api.h."""

    FLOAT32 = 0
    BFLOAT16 = 1
    INT8 = 2


class SimdKernels:
    """Operations by one level of vector instructions.

    Args:
        library: from `load_library`.
        level: one that this CPU runs.
        number_format: float32, bfloat16 where the level multiplies it, or int8 for the
            transformer's linear layers: then all else is in bfloat16 where it can be.
    """

    one_at_a_time = False

    def __init__(self, library: ctypes.CDLL, level: Level, number_format: str) -> None:
        self.device = torch.device("cpu")
        self.dtype = torch.float32
        self.number_format = number_format
        self.name = {
            "float32": level.family,
            "bfloat16": f"{level.family}-bf16",
            "int8": f"{level.int8}-int8",
        }[number_format]
        half = level.bf16 and number_format != "float32"
        self._exact = Format.BFLOAT16 if half else Format.FLOAT32
        self._format = Format.INT8 if number_format == "int8" else self._exact
        self._library, self._symbol = library, level.symbol
        self._torch = TorchKernels(self.device, self.dtype)
        self._memory: dict[str, Tensor] = {}
        self._convs = 0

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`. A group norm needs the whole utterance and is left to torch."""
        columns, channels, taps = layer.weight.shape
        if layer.group_norm and layer.norm is not None:
            return self._torch.conv(layer)
        weight = layer.weight.permute(0, 2, 1).reshape(1, columns, channels * taps)
        bias = layer.bias if layer.bias is not None else torch.zeros(columns)
        # The first layer reads ten samples: bf16 gains nothing there, and costs accuracy.
        number_format = Format.FLOAT32 if channels == 1 else self._exact
        product = _PackedProduct(self, weight, bias, number_format, norm=layer.norm, gelu=True)
        self._convs += 1
        buffer = f"conv {self._convs % 2}"

        def apply(x: Tensor) -> Tensor:
            source = x[0].to(torch.float32).contiguous()
            rows = (len(source) - taps) // layer.stride + 1
            out = self.buffer(buffer, rows, columns)
            product.run("convolution", source, layer.stride * channels, out)
            return out.unsqueeze(0)

        return apply

    def pack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:  # noqa: ARG002
        """See `Kernels`: the layout is row-major."""
        return x.contiguous()

    def unpack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:  # noqa: ARG002
        """See `Kernels`: the layout is row-major."""
        return x

    def linear(self, parameters: Parameters, *, gelu: bool = False, exact: bool = False) -> Linear:
        """See `Kernels`."""
        weight, bias = parameters
        number_format = self._exact if exact else self._format
        product = _PackedProduct(self, weight.unsqueeze(0), bias, number_format, gelu=gelu)
        columns, depth = weight.shape

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            # Each sum is read before it is written, so the residual stream stays in place.
            out = residual if residual is not None else self.buffer(f"{columns}", len(x), columns)
            product.run("linear", x, depth, out, residual=residual)
            return out

        return apply

    def head(self, parameters: Parameters) -> Linear:
        """See `Kernels`."""
        return self.linear(parameters, exact=True)

    def layer_norm(self, gain: Tensor, shift: Tensor, eps: float) -> Norm:
        """See `Kernels`."""
        gain, shift = gain.float().contiguous(), shift.float().contiguous()
        run = self.function("layer_norm")

        def apply(x: Tensor) -> Tensor:
            out = self.buffer("norm", *x.shape)
            run(
                ctypes.byref(
                    LayerNorm(
                        *(x.data_ptr(), len(x), len(gain), gain.data_ptr(), shift.data_ptr()),
                        *(out.data_ptr(), torch.get_num_threads(), eps),
                    )
                )
            )
            return out

        return apply

    def positional(self, weight: Tensor, bias: Tensor, groups: int) -> Positional:
        """See `Kernels`: a window of frames is a row of a view whose rows overlap."""
        _, width, taps = weight.shape
        by_group = weight.view(groups, width, width, taps).permute(0, 1, 3, 2)
        product = _PackedProduct(
            *(self, by_group.reshape(groups, width, width * taps), bias, self._exact), gelu=True
        )
        before = taps // 2

        def apply(x: Tensor, spans: Sequence[Span]) -> Tensor:
            out = self.buffer("positional", *x.shape)
            for start, frames in _utterances(spans):
                rows = x[start : start + frames]
                padded = functional.pad(
                    rows.view(frames, groups, width).transpose(0, 1).contiguous(),
                    (0, 0, before, taps),
                )
                product.run(
                    *("convolution", padded, width, out[start : start + frames]),
                    residual=rows,
                    group_stride=padded.stride(0),
                )
            return out

        return apply

    def attention(
        self, heads: int, q: Parameters, k: Parameters, v: Parameters, out: Parameters
    ) -> Attention:
        """See `Kernels`."""
        together = self.linear(stacked(q, k, v))
        back = self.linear(out)
        width = len(q[1]) // heads
        run, needed = self.function("attention"), self.function("attention_scratch")

        def apply(x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
            qkv = together(x)
            attended = self.buffer("attended", len(x), heads * width)
            for start, frames in _utterances(spans):
                task = AttentionTask(
                    *(qkv[start].data_ptr(), frames, heads, width, attended[start].data_ptr()),
                    *(self._exact, torch.get_num_threads()),
                )
                task.scratch = self.scratch(needed(ctypes.byref(task)))
                run(ctypes.byref(task))
            return back(attended, residual)

        return apply

    def function(self, name: str) -> "ctypes._NamedFuncPointer":
        """Returns one of the level's functions."""
        return getattr(self._library, f"nordlyd_{self._symbol}_{name}")  # type: ignore[no-any-return]

    def scratch(self, size: int) -> int:
        """Returns the address of `size` bytes, aligned to a cache line, kept from call to call."""
        address = self.buffer("scratch", size // 4 + 16).data_ptr()
        return address + (-address) % 64

    def buffer(self, use: str, *shape: int) -> Tensor:
        """Returns a float32 tensor in memory reused for this purpose."""
        size = math.prod(shape)
        memory = self._memory.get(use)
        if memory is None or len(memory) < size:
            memory = self._memory[use] = torch.empty(size)
        return memory[:size].view(shape)


class _PackedProduct:
    """Weights [groups, columns, depth], packed, with all that follows their product."""

    def __init__(
        self,
        kernels: SimdKernels,
        weight: Tensor,
        bias: Tensor,
        number_format: Format,
        *,
        norm: tuple[Tensor, Tensor] | None = None,
        gelu: bool = False,
    ) -> None:
        groups, columns, depth = weight.shape
        values, scales, offsets = weight.float().contiguous(), None, None
        if number_format == Format.INT8:
            values, scales = quantise_rows(weight.flatten(0, 1))
            sums = values.sum(dim=1, dtype=torch.int32)
            offsets = (sums * kernels.function("int8_offset")()).contiguous()
        size = kernels.function("packed_bytes")(number_format, groups, columns, depth)
        packed = torch.empty(size, dtype=torch.int8)
        kernels.function("pack")(
            *(number_format, values.data_ptr(), groups, columns, depth, packed.data_ptr())
        )
        bias = bias.float().contiguous()
        gain, shift = (t.float().contiguous() for t in norm) if norm else (None, None)
        # What the structure points to must live as long as it.
        self._kept = (packed, bias, scales, offsets, gain, shift)
        self._kernels = kernels
        self._task = Product(
            *(None, 0, 0, 0, packed.data_ptr(), groups, columns, depth, bias.data_ptr()),
            *(_address(scales), _address(offsets), _address(gain), _address(shift)),
            *(None, None, 0, number_format, int(gelu), 0, None, 1e-5),
        )

    def run(
        self,
        function: str,
        a: Tensor,
        row_stride: int,
        out: Tensor,
        *,
        residual: Tensor | None = None,
        group_stride: int = 0,
    ) -> None:
        """Fills `out` [rows, groups * columns]; its rows decide how many of `a` are read."""
        task = self._task
        task.a, task.row_stride, task.group_stride = a.data_ptr(), row_stride, group_stride
        task.rows, task.out, task.out_stride = len(out), out.data_ptr(), out.stride(0)
        task.residual, task.threads = _address(residual), torch.get_num_threads()
        needed = self._kernels.function(f"{function}_scratch")(ctypes.byref(task))
        task.scratch = self._kernels.scratch(needed)
        self._kernels.function(function)(ctypes.byref(task))


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _utterances(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """(first row, frames) of each utterance in the batch."""
    starts, row = [], 0
    for span in spans:
        for _ in range(span.count):
            starts.append((row, span.frames))
            row += span.frames
    return starts
