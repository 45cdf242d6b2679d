"""The transformer's linear layers in dynamic int8 by torch, on CPUs with VNNI.

Weights are scaled per output and activations per row, so that an utterance's result does
not depend on the rest of its batch; torch's own dynamic quantisation scales the whole
batch at once, and is to be removed from torch.
"""

import torch
from torch import Tensor
from torch.nn import functional

from app.acoustic.kernels import Linear, Parameters, TorchKernels


class TorchInt8Kernels(TorchKernels):
    """`TorchKernels` in fp32 whose linear layers are quantised, but for the exact ones."""

    name = "torch-int8"

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), torch.float32)
        self.number_format = "int8"

    def linear(self, parameters: Parameters, *, gelu: bool = False, exact: bool = False) -> Linear:
        """See `Kernels`."""
        if exact:
            return super().linear(parameters, gelu=gelu)
        values, scales = quantise_rows(parameters[0])
        weight, bias = values.t().contiguous(), parameters[1]

        def run(x: Tensor, residual: Tensor | None = None) -> Tensor:
            rows, row_scales = quantise_rows(x)
            y = torch._int_mm(rows, weight).float()
            y = y.mul_(row_scales[:, None]).mul_(scales).add_(bias)
            if gelu:
                y = functional.gelu(y)
            return y if residual is None else y.add_(residual)

        return run


def quantise_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 with a scale for each row.

    Args:
        values: float [rows, columns].

    Returns:
        int8 [rows, columns] and float32 [rows], whose product is `values` to half a step.
    """
    scales = values.abs().amax(dim=1).clamp_min(1e-12) / 127
    return (values / scales[:, None]).round().to(torch.int8), scales.contiguous()
