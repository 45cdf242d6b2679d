"""The convolutional position embedding in front of the transformer, in both its forms."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from app.acoustic.config import EncoderConfig
from app.acoustic.kernels import Kernels, Parameters, Positional, Span
from app.acoustic.packed import PackedTorchKernels
from app.acoustic.weights import fold_weight_norm

_NAME = "wav2vec2.encoder.pos_conv_embed"


def read_positional(
    config: EncoderConfig, weights: dict[str, Tensor], kernels: Kernels
) -> Positional:
    """Builds it from a checkpoint's tensors, which are removed from `weights`."""
    if config.pos_conv_layers is None:
        name = f"{_NAME}.conv"
        return kernels.positional(
            fold_weight_norm(weights.pop(f"{name}.weight_g"), weights.pop(f"{name}.weight_v")),
            weights.pop(f"{name}.bias").float(),
            config.pos_conv_groups,
        )
    layers = [
        (weights.pop(f"{name}.weight").float(), weights.pop(f"{name}.bias").float())
        for name in (f"{_NAME}.layers.{index}.conv" for index in range(config.pos_conv_layers))
    ]
    return stacked(layers, config.pos_conv_groups, kernels)


def stacked(layers: Sequence[Parameters], groups: int, kernels: Kernels) -> Positional:
    """Returns data2vec's form: several grouped convolutions, each with a norm and GELU.

    Its norms have neither gain nor shift. For kernels whose layout is row-major.

    Args:
        layers: weight [channels, channels per group, kernel] and bias [channels] of each.
        groups: of every convolution.
        kernels: of the device and precision.
    """
    if isinstance(kernels, PackedTorchKernels):
        return kernels.stacked_positional(layers, groups)
    own = [
        tuple(tensor.to(kernels.device, kernels.dtype).contiguous() for tensor in layer)
        for layer in layers
    ]

    def run(x: Tensor, spans: Sequence[Span]) -> Tensor:
        outputs = []
        # Each utterance alone, so that its sums do not depend on the others.
        for part in torch.split(x, [span.frames for span in spans for _ in range(span.count)]):
            y, frames = part[None], len(part)
            for weight, bias in own:
                y = functional.conv1d(
                    y.transpose(1, 2), weight, bias, padding=weight.shape[-1] // 2, groups=groups
                )
                # An even kernel makes one frame too many at the end.
                y = y[..., :frames].transpose(1, 2)
                y = functional.gelu(functional.layer_norm(y, y.shape[-1:]))
            outputs.append(y[0])
        return torch.cat(outputs).add_(x)

    return run
