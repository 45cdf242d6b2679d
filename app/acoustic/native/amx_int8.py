"""The transformer's linear layers in int8 by AMX: weights per output, activations per row."""

import ctypes

import torch
from torch import Tensor

from app.acoustic.int8 import quantise_rows
from app.acoustic.kernels import Linear, Parameters
from app.acoustic.native.amx import AmxKernels, Packed, filled_up, in_tiles

_BLOCK = 32
# Values that one int8 tile product consumes along the depth: 64 bytes, as in bf16.
_STEP = 64


class AmxInt8Kernels(AmxKernels):
    """`AmxKernels` whose linear layers are quantised, but for those that must be exact."""

    name = "amx-int8"

    def __init__(self, library: ctypes.CDLL) -> None:
        super().__init__(library)
        self.number_format = "int8"
        self._row_scales = torch.empty(0)

    def linear(self, parameters: Parameters, *, gelu: bool = False, exact: bool = False) -> Linear:
        """See `Kernels`; widths that int8 tiles cannot divide stay in bf16."""
        weight, bias = parameters
        columns, depth = weight.shape
        if exact or depth % _STEP or columns % _BLOCK:
            return super().linear(parameters, gelu=gelu)
        values, column_scales = quantise_rows(weight)
        weights = Packed(
            *(pack_int8(values), bias.contiguous(), 1, columns, depth // 2, column_scales),
            gelu=gelu,
        )
        steps = columns // _BLOCK
        quantise = self._library.nordlyd_quantise

        def apply(x: Tensor, residual: Tensor | None = None) -> Tensor:
            rows = len(x) * _BLOCK
            small = self._buffer("int8", len(x), _BLOCK, depth // 2)
            if len(self._row_scales) < rows:
                self._row_scales = torch.empty(rows)
            quantise(x.data_ptr(), len(x), depth, small.data_ptr(), self._row_scales.data_ptr())
            out = residual
            if out is None:
                out = self._buffer(f"linear {steps}", len(x), steps, _BLOCK, _BLOCK)
            source = in_tiles(small, depth // 2, self._row_scales)
            self._product(source, weights, in_tiles(out, columns), residual)
            return out

        return apply


def pack_int8(values: Tensor) -> Tensor:
    """int8 [columns, depth] in the order in which the tile products read it.

    Returns:
        int8 [panels, steps, 2, 16, 64]: panels of 32 columns, steps of 64 values, each two
        tiles of 16 columns with four values side by side.
    """
    columns, depth = values.shape
    padded = filled_up(values, (0, -depth % _STEP, 0, -columns % _BLOCK))
    fours = padded.contiguous().view(torch.int32)
    tiles = fours.view(len(fours) // _BLOCK, 2, 16, fours.shape[1] // 16, 16)
    return tiles.permute(0, 3, 1, 4, 2).contiguous().view(torch.int8)
