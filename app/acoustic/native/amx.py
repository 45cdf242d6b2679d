"""`Kernels` by our compiled AMX functions: weights packed once, every pass over the data fused.

Between `pack_rows` and `unpack_rows` each utterance's rows fill whole blocks of 32, and each block
of 32 rows x 32 channels is contiguous ("tiles", see amx.h). Each row of a product is summed in the
same order whatever the batch, so an utterance's emissions are bit-identical in any batch.
"""

import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from app.acoustic.config import EncoderConfig
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
)

# Rows and columns of a block; also what one tile product consumes along the depth.
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Packed:
    """Weights of a product as `pack` orders them, with what follows it.

    `columns` and `depth` are those of each group; `scales` [columns] where values are int8,
    and then `depth` counts pairs of values.
    """

    values: Tensor
    bias: Tensor
    groups: int
    columns: int
    depth: int
    scales: Tensor | None = None
    gelu: bool = False


@dataclass(frozen=True, slots=True)
class Operand:
    """A matrix in memory: `layout` as in amx.h, `group` the distance from group to group.

    `scales` [rows] where the values are int8.
    """

    data: Tensor
    layout: tuple[int, int, int]
    rows: int
    group: int = 0
    scales: Tensor | None = None


class AmxKernels:
    """Operations in bf16 by AMX.

    Args:
        library: from `load_library`.
    """

    name = "amx"
    one_at_a_time = False

    def __init__(self, library: ctypes.CDLL) -> None:
        self.number_format = "bfloat16"
        self.device = torch.device("cpu")
        self.dtype = torch.bfloat16
        self._library = library
        self._torch = TorchKernels(self.device, self.dtype)
        self._memory: dict[str, Tensor] = {}
        self._convs = 0

    @staticmethod
    def supports(config: EncoderConfig) -> bool:
        """Returns whether the model's widths divide into blocks; other kernels run all others.

        data2vec's stacked positional convolutions need plain rows.
        """
        width = config.hidden_size // config.pos_conv_groups
        return (
            config.pos_conv_layers is None
            and config.hidden_size % _BLOCK == 0
            and config.intermediate_size % _BLOCK == 0
            and config.conv_layers[-1][0] % _BLOCK == 0
            and width % 16 == 0
            and width * config.pos_conv_kernel % _BLOCK == 0
        )

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`. A group norm needs the whole utterance and is left to torch."""
        columns, channels, taps = layer.weight.shape
        first = channels == 1
        if layer.group_norm or layer.norm is None or columns % _BLOCK:
            return self._torch.conv(layer)
        if (taps > _BLOCK) if first else (channels % _BLOCK):
            return self._torch.conv(layer)
        packed = pack(layer.weight.permute(0, 2, 1).reshape(1, columns, channels * taps))
        bias = layer.bias if layer.bias is not None else torch.zeros(columns)
        bias, gain, shift = (t.contiguous() for t in (bias, *layer.norm))
        run = self._library.nordlyd_convolution
        needed = self._library.nordlyd_convolution_scratch
        # The first layer's windows of samples are one step; elsewhere a frame is a tap.
        shape = (1, _BLOCK) if first else (taps, channels)
        self._convs += 1
        buffer = f"conv {self._convs % 2}"

        def apply(x: Tensor) -> Tensor:
            source = functional.pad(x[0], (0, 0, 0, _BLOCK)) if first else x[0]
            rows = (x.shape[1] - taps) // layer.stride + 1
            pitch = source.stride(0)
            # Rows a power of two apart would share a few sets of the cache.
            out = self._buffer(buffer, rows, columns + _BLOCK)[:, :columns]
            run(
                *(source.data_ptr(), layer.stride * pitch, pitch, *shape, rows),
                *(packed.data_ptr(), columns, bias.data_ptr(), gain.data_ptr()),
                *(shift.data_ptr(), 1e-5, out.data_ptr(), out.stride(0)),
                self._scratch(needed(columns) * 4 * torch.get_num_threads()),
            )
            return out.unsqueeze(0)

        return apply

    def pack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """See `Kernels`: [blocks, channels / 32, 32, 32], rows beyond an utterance's end zero."""
        parts = torch.split(x, [frames for frames, _ in _utterances(spans)])
        padded = torch.cat([functional.pad(p, (0, 0, 0, -len(p) % _BLOCK)) for p in parts])
        return padded.view(-1, _BLOCK, x.shape[1] // _BLOCK, _BLOCK).transpose(1, 2).contiguous()

    def unpack_rows(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """See `Kernels`."""
        return torch.cat([x[block * _BLOCK :][:frames] for frames, block in _utterances(spans)])

    def linear(
        self,
        parameters: Parameters,
        *,
        gelu: bool = False,
        exact: bool = False,  # noqa: ARG002
    ) -> Linear:
        """See `Kernels`. Odd widths are filled up with zeros to whole blocks."""
        weight, bias = _filled(parameters)
        columns, depth = weight.shape
        weights = Packed(pack(weight.unsqueeze(0)), bias, 1, columns, depth, gelu=gelu)
        steps = columns // _BLOCK

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            # Each sum is read before it is written, so the residual stream stays in place.
            out = residual
            if out is None:
                out = self._buffer(f"linear {steps}", len(x), steps, _BLOCK, _BLOCK)
            self._product(in_tiles(x, depth), weights, in_tiles(out, columns), residual)
            return out

        return apply

    def head(self, parameters: Parameters) -> Linear:
        """See `Kernels`; the output is plain rows, those between utterances included."""
        weight, bias = parameters
        columns, depth = weight.shape
        weights = Packed(pack(weight.unsqueeze(0)), bias.contiguous(), 1, columns, depth)

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            out = torch.empty(len(x) * _BLOCK, columns, dtype=torch.float32)
            self._product(in_tiles(x, depth), weights, _in_rows(out, len(out), columns), residual)
            return out

        return apply

    def layer_norm(self, gain: Tensor, shift: Tensor, eps: float) -> Norm:
        """See `Kernels`."""
        gain, shift = gain.contiguous(), shift.contiguous()
        run = self._library.nordlyd_layer_norm

        def apply(x: Tensor) -> Tensor:
            out = self._buffer("norm", *x.shape)
            run(
                *(x.data_ptr(), len(x), len(gain), gain.data_ptr(), shift.data_ptr(), eps),
                out.data_ptr(),
            )
            return out

        return apply

    def positional(self, weight: Tensor, bias: Tensor, groups: int) -> Positional:
        """See `Kernels`: a window of frames is a row of a view whose rows overlap."""
        channels, width, taps = weight.shape
        by_group = weight.view(groups, width, width, taps).permute(0, 1, 3, 2)
        weights = Packed(
            *(pack(by_group.reshape(groups, width, width * taps)), bias.contiguous()),
            *(groups, width, width * taps),
            gelu=True,
        )
        before = taps // 2

        def apply(x: Tensor, spans: Sequence[Span]) -> Tensor:
            out = self._buffer("positional", *x.shape)
            for frames, block in _utterances(spans):
                blocks = slice(block, block + -(-frames // _BLOCK))
                rows = x[blocks].transpose(1, 2).reshape(-1, groups, width)[:frames]
                padded = functional.pad(rows.transpose(0, 1), (0, 0, before, taps))
                source = _in_rows(padded, frames, width, padded.stride(0))
                self._product(source, weights, in_tiles(out[blocks], channels), x[blocks])
            return out

        return apply

    def attention(
        self, heads: int, q: Parameters, k: Parameters, v: Parameters, out: Parameters
    ) -> Attention:
        """See `Kernels`. Heads that are no multiple of 32 wide are filled up with zeros."""
        true_width = len(q[1]) // heads
        width = -(-true_width // _BLOCK) * _BLOCK
        gap = width - true_width

        def per_head(parameters: Parameters) -> Parameters:
            weight, bias = parameters
            by_head = weight.view(heads, true_width, -1)
            return (
                filled_up(by_head, (0, 0, 0, gap)).reshape(heads * width, -1),
                filled_up(bias.view(heads, true_width), (0, gap)).flatten(),
            )

        filled = [per_head(parameters) for parameters in (q, k, v)]
        together = self.linear(
            (torch.cat([weight for weight, _ in filled]), torch.cat([bias for _, bias in filled]))
        )
        by_head = out[0].view(-1, heads, true_width)
        back = self.linear((filled_up(by_head, (0, gap)).flatten(1), out[1]))
        run = self._library.nordlyd_attention
        needed = self._library.nordlyd_attention_scratch

        def apply(x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
            qkv = together(x)
            attended = self._buffer("attended", len(x), heads * width // _BLOCK, _BLOCK, _BLOCK)
            for frames, block in _utterances(spans):
                size = needed(frames, heads, width, torch.get_num_threads())
                run(
                    *(qkv[block].data_ptr(), frames, heads, width, true_width),
                    *(attended[block].data_ptr(), self._scratch(size)),
                )
            return back(attended, residual)

        return apply

    def _product(
        self, a: Operand, weights: Packed, out: Operand, residual: Tensor | None = None
    ) -> None:
        """Out = activation(a x weights + bias) + residual, the latter laid out as `out`."""
        library, (columns, depth) = self._library, (weights.columns, weights.depth)
        size = library.nordlyd_linear_scratch(columns, depth) * 4 * torch.get_num_threads()
        library.nordlyd_linear(
            *(a.data.data_ptr(), *a.layout, a.group, a.rows, weights.values.data_ptr()),
            *(weights.groups, columns, depth, weights.bias.data_ptr(), _address(residual)),
            *(out.data.data_ptr(), *out.layout, int(weights.gelu)),
            *(int(out.data.dtype == torch.float32), _address(a.scales), _address(weights.scales)),
            self._scratch(size),
        )

    def _scratch(self, size: int) -> int:
        """Returns the address of `size` bytes, aligned to a cache line, kept from call to call."""
        address = self._buffer("scratch", size // 2 + _BLOCK).data_ptr()
        return address + (-address) % 64

    def _buffer(self, use: str, *shape: int) -> Tensor:
        """Returns a bf16 tensor in memory reused for this purpose: fresh pages are expensive.

        What the previous batch left in it is still there, which only rows between utterances
        ever show, and those are never read.
        """
        size = math.prod(shape)
        memory = self._memory.get(use)
        if memory is None or len(memory) < size:
            memory = self._memory[use] = torch.empty(size, dtype=torch.bfloat16)
        return memory[:size].view(shape)


def pack(weight: Tensor) -> Tensor:
    """Weights in the order in which the tile products read them.

    Args:
        weight: float32 [groups, columns, depth]; row n is output n.

    Returns:
        bf16 [groups, panels, steps, 2, 16, 32]: panels of 32 columns, steps of 32 values,
        each two tiles of 16 columns with pairs of values side by side; padded with zeros.
    """
    groups, columns, depth = weight.shape
    padded = filled_up(weight.to(torch.bfloat16), (0, -depth % _BLOCK, 0, -columns % _BLOCK))
    # Pairs move as one 32-bit element, which halves the time that loading takes.
    pairs = padded.contiguous().view(torch.int32)
    tiles = pairs.view(groups, pairs.shape[1] // _BLOCK, 2, 16, pairs.shape[2] // 16, 16)
    return tiles.permute(0, 1, 4, 2, 5, 3).contiguous().view(torch.bfloat16)


def _filled(parameters: Parameters) -> Parameters:
    weight, bias = parameters
    columns, depth = weight.shape
    return (
        filled_up(weight, (0, -depth % _BLOCK, 0, -columns % _BLOCK)),
        filled_up(bias, (0, -columns % _BLOCK)).contiguous(),
    )


def filled_up(tensor: Tensor, by: tuple[int, ...]) -> Tensor:
    """Zeros appended; no copy where there is nothing to append, as there mostly is not."""
    return functional.pad(tensor, by) if any(by) else tensor


def in_tiles(data: Tensor, columns: int, scales: Tensor | None = None) -> Operand:
    """Activations [blocks, columns / 32, 32, 32] as an operand."""
    layout = (_BLOCK, _BLOCK * _BLOCK, _BLOCK * columns)
    return Operand(data, layout, len(data) * _BLOCK, scales=scales)


def _in_rows(data: Tensor, rows: int, pitch: int, group: int = 0) -> Operand:
    return Operand(data, (pitch, _BLOCK, _BLOCK * pitch), rows, group)


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _utterances(spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """(frames, first block) of each utterance in the batch."""
    block = 0
    for span in spans:
        for _ in range(span.count):
            yield span.frames, block
            block += -(-span.frames // _BLOCK)
