"""`Kernels` by our compiled functions: weights packed once, every pass over the data fused.

Between `enter` and `leave` each utterance's rows fill whole blocks of 32, and each block of
32 rows x 32 channels is contiguous ("tiles", see amx.h). Each row of a product is summed in
the same order whatever the batch, so an utterance's emissions are the same to the last bit
alone and in company.
"""

import ctypes
from collections.abc import Iterator, Sequence

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


class AmxKernels:
    """Operations in bf16 by AMX.

    Args:
        library: from `load_library`.
    """

    name = "amx"

    def __init__(self, library: ctypes.CDLL) -> None:
        self.device = torch.device("cpu")
        self.dtype = torch.bfloat16
        self._library = library
        self._torch = TorchKernels(self.device, self.dtype)
        self._memory = torch.empty(0, dtype=torch.uint8)

    @staticmethod
    def supports(config: EncoderConfig) -> bool:
        """Whether the model's widths divide into blocks; torch's kernels run all others."""
        width = config.hidden_size // config.pos_conv_groups
        return (
            config.hidden_size % _BLOCK == 0
            and config.intermediate_size % _BLOCK == 0
            and config.conv_layers[-1][0] % _BLOCK == 0
            and width % 16 == 0
            and width * config.pos_conv_kernel % _BLOCK == 0
        )

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`. A group norm sees the whole utterance, so it is left to torch."""
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

        def apply(x: Tensor) -> Tensor:
            outputs = []
            for one in x:
                rows = (one.shape[0] - taps) // layer.stride + 1
                source = functional.pad(one, (0, 0, 0, _BLOCK)) if first else one
                pitch = source.stride(0)
                # Rows a power of two apart would share a few sets of the cache.
                out = torch.empty(rows, columns + _BLOCK, dtype=torch.bfloat16)[:, :columns]
                run(
                    *(source.data_ptr(), layer.stride * pitch, pitch, *shape, rows),
                    *(packed.data_ptr(), columns, bias.data_ptr(), gain.data_ptr()),
                    *(shift.data_ptr(), 1e-5, out.data_ptr(), out.stride(0)),
                    self._scratch(needed(columns) * 4 * torch.get_num_threads()),
                )
                outputs.append(out)
            return torch.stack(outputs) if len(outputs) > 1 else outputs[0].unsqueeze(0)

        return apply

    def enter(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """See `Kernels`: [blocks, channels / 32, 32, 32], rows beyond an utterance's end zero."""
        parts = x.split([frames for frames, _ in _utterances(spans)])
        padded = torch.cat([functional.pad(p, (0, 0, 0, -len(p) % _BLOCK)) for p in parts])
        return padded.view(-1, _BLOCK, x.shape[1] // _BLOCK, _BLOCK).transpose(1, 2).contiguous()

    def leave(self, x: Tensor, spans: Sequence[Span]) -> Tensor:
        """See `Kernels`."""
        return torch.cat(
            [x[block * _BLOCK :][:frames] for frames, block in _utterances(spans)]
        )

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
        packed = pack(weight.unsqueeze(0))
        steps = columns // _BLOCK

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            out = torch.empty(len(x), steps, _BLOCK, _BLOCK, dtype=torch.bfloat16)
            self._product(
                *(x, _tiles(depth), 0, len(x) * _BLOCK, packed, (1, columns, depth), bias),
                *(residual, out, _tiles(columns), gelu),
            )
            return out

        return apply

    def head(self, parameters: Parameters) -> Linear:
        """See `Kernels`; the output is plain rows, those between utterances included."""
        weight, bias = parameters[0], parameters[1].contiguous()
        columns, depth = weight.shape
        packed = pack(weight.unsqueeze(0))

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            out = torch.empty(len(x) * _BLOCK, columns, dtype=torch.float32)
            self._product(
                *(x, _tiles(depth), 0, len(out), packed, (1, columns, depth), bias),
                *(residual, out, _rows(columns), False),
            )
            return out

        return apply

    def layer_norm(self, gain: Tensor, shift: Tensor, eps: float) -> Norm:
        """See `Kernels`."""
        gain, shift = gain.contiguous(), shift.contiguous()
        run = self._library.nordlyd_layer_norm

        def apply(x: Tensor) -> Tensor:
            out = torch.empty_like(x)
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
        packed = pack(by_group.reshape(groups, width, width * taps))
        bias = bias.contiguous()
        before = taps // 2

        def apply(x: Tensor, spans: Sequence[Span]) -> Tensor:
            out = torch.zeros_like(x)
            for frames, block in _utterances(spans):
                blocks = slice(block, block + -(-frames // _BLOCK))
                rows = x[blocks].transpose(1, 2).reshape(-1, groups, width)[:frames]
                padded = functional.pad(rows.transpose(0, 1), (0, 0, before, taps))
                self._product(
                    *(padded, _rows(width), padded.stride(0), frames, packed),
                    *((groups, width, width * taps), bias, x[blocks], out[blocks]),
                    *(_tiles(channels), True),
                )
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
                functional.pad(by_head, (0, 0, 0, gap)).reshape(heads * width, -1),
                functional.pad(bias.view(heads, true_width), (0, gap)).flatten(),
            )

        filled = [per_head(parameters) for parameters in (q, k, v)]
        together = self.linear(
            (torch.cat([weight for weight, _ in filled]), torch.cat([bias for _, bias in filled]))
        )
        by_head = out[0].view(-1, heads, true_width)
        back = self.linear((functional.pad(by_head, (0, gap)).flatten(1), out[1]))
        run = self._library.nordlyd_attention
        needed = self._library.nordlyd_attention_scratch

        def apply(x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
            qkv = together(x)
            attended = torch.empty(
                len(x), heads * width // _BLOCK, _BLOCK, _BLOCK, dtype=torch.bfloat16
            )
            for frames, block in _utterances(spans):
                size = needed(frames, heads, width, torch.get_num_threads())
                run(
                    *(qkv[block].data_ptr(), frames, heads, width, true_width),
                    *(attended[block].data_ptr(), self._scratch(size)),
                )
            return back(attended, residual)

        return apply

    def _product(
        self,
        a: Tensor,
        a_layout: tuple[int, int, int],
        a_group: int,
        rows: int,
        packed: Tensor,
        shape: tuple[int, int, int],
        bias: Tensor,
        residual: Tensor | None,
        out: Tensor,
        out_layout: tuple[int, int, int],
        gelu: bool,
    ) -> None:
        _, columns, depth = shape
        size = self._library.nordlyd_linear_scratch(columns, depth) * 4 * torch.get_num_threads()
        self._library.nordlyd_linear(
            *(a.data_ptr(), *a_layout, a_group, rows, packed.data_ptr(), *shape, bias.data_ptr()),
            *(None if residual is None else residual.data_ptr(), out.data_ptr(), *out_layout),
            *(int(gelu), int(out.dtype == torch.float32), self._scratch(size)),
        )

    def _scratch(self, size: int) -> int:
        """The address of `size` bytes, aligned to a cache line, kept from call to call."""
        if len(self._memory) < size + 64:
            self._memory = torch.empty(size + 64, dtype=torch.uint8)
        address = self._memory.data_ptr()
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
    padded = functional.pad(weight, (0, -depth % _BLOCK, 0, -columns % _BLOCK))
    tiles = padded.to(torch.bfloat16).view(
        groups, padded.shape[1] // _BLOCK, 2, 16, padded.shape[2] // _BLOCK, 16, 2
    )
    return tiles.permute(0, 1, 4, 2, 5, 3, 6).contiguous()


def _filled(parameters: Parameters) -> Parameters:
    weight, bias = parameters
    columns, depth = weight.shape
    return (
        functional.pad(weight, (0, -depth % _BLOCK, 0, -columns % _BLOCK)),
        functional.pad(bias, (0, -columns % _BLOCK)).contiguous(),
    )


def _tiles(columns: int) -> tuple[int, int, int]:
    """The `layout` (see amx.h) of activations in tiles."""
    return _BLOCK, _BLOCK * _BLOCK, _BLOCK * columns


def _rows(pitch: int) -> tuple[int, int, int]:
    """The `layout` (see amx.h) of plain rows, `pitch` values apart."""
    return pitch, _BLOCK, _BLOCK * pitch


def _utterances(spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """(frames, first block) of each utterance in the batch."""
    block = 0
    for span in spans:
        for _ in range(span.count):
            yield span.frames, block
            block += -(-span.frames // _BLOCK)
