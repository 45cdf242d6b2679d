"""The wav2vec2-CTC network, from prepared waveforms to log-probabilities.

Weight-compatible with transformers' `Wav2Vec2ForCTC` (Baevski et al., 2020) and the families
that are the same network (see `app.acoustic.families`), laid out as rows of [frame, channel]
throughout. `Kernels` implement the operations.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.acoustic.config import EncoderConfig
from app.acoustic.kernels import (
    Attention,
    Conv,
    ConvLayer,
    Kernels,
    Linear,
    Norm,
    Parameters,
    Span,
)
from app.acoustic.packed import PackedTorchKernels
from app.acoustic.positional import read_positional

Waveform = npt.NDArray[np.float32]
Layer = Callable[[Tensor, Sequence[Span]], Tensor]


class Encoder:
    """The network of one checkpoint, ready to run.

    Args:
        config: the model's shape.
        weights: its tensors, names as in `expected_shapes`; dropped as they are packed.
        kernels: how and where the operations run, and in which precision.
    """

    def __init__(
        self,
        config: EncoderConfig,
        weights: dict[str, Tensor],
        kernels: Kernels,
    ) -> None:
        self.kernels = kernels
        self._config = config
        self._extractor = _extractor(config, weights, kernels)
        # Some HuBERT checkpoints project without a norm.
        self._projection_norm = (
            _norm(weights, "wav2vec2.feature_projection.layer_norm", kernels, config.layer_norm_eps)
            if config.projection_norm
            else None
        )
        self._projection = kernels.linear(
            _pair(weights, "wav2vec2.feature_projection.projection"), exact=True
        )
        self._positional = read_positional(config, weights, kernels)
        self._norm = _norm(weights, "wav2vec2.encoder.layer_norm", kernels, config.layer_norm_eps)
        self._stable = config.stable_layer_norm
        self._layers = [
            _layer(config, weights, f"wav2vec2.encoder.layers.{i}", kernels)
            for i in range(config.layers)
        ]
        self._head = kernels.head(_pair(weights, "lm_head"))

    @torch.inference_mode()
    def __call__(self, waveforms: Sequence[Waveform]) -> list[Tensor]:
        """Returns the log-probabilities of each waveform, in the order given.

        Args:
            waveforms: float32 [samples] at 16 kHz, prepared (normalised) by the caller, each
                at least one receptive field long.

        Returns:
            float32 [frames, vocabulary] for each, on the CPU, natural logarithms.
        """
        if self.kernels.one_at_a_time and len(waveforms) > 1:
            return [self([waveform])[0] for waveform in waveforms]
        order = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        features, spans = self._features([waveforms[i] for i in order])
        hidden = self.kernels.pack_rows(features, spans)
        if self._projection_norm is not None:
            hidden = self._projection_norm(hidden)
        hidden = self._projection(hidden)
        hidden = self._positional(hidden, spans)
        if not self._stable:
            hidden = self._norm(hidden)
        for layer in self._layers:
            hidden = layer(hidden, spans)
        if self._stable:
            hidden = self._norm(hidden)
        logits = self.kernels.unpack_rows(self._head(hidden), spans)
        emissions = logits.log_softmax(dim=-1).cpu()
        lengths = [span.frames for span in spans for _ in range(span.count)]
        outputs: list[Tensor] = [emissions] * len(order)
        for i, part in zip(order, torch.split(emissions, lengths), strict=True):
            outputs[i] = part
        return outputs

    def _features(self, waveforms: Sequence[Waveform]) -> tuple[Tensor, list[Span]]:
        """Runs the extractor: in one pass on an accelerator, one utterance at a time on a CPU."""
        if isinstance(self.kernels, PackedTorchKernels):
            return self.kernels.extract(self._config, self._extractor, waveforms)
        rows, spans = [], []
        for _, run in groupby(waveforms, key=len):
            # A CPU's cache holds one utterance at a time at best.
            parts = torch.split(torch.from_numpy(np.stack(list(run))), 1)
            # Kernels may return memory that they reuse.
            done = torch.cat([self._extract(part).clone() for part in parts])
            spans.append(Span(*done.shape[:2]))
            rows.append(done.flatten(0, 1))
        return torch.cat(rows), spans

    def _extract(self, waveforms: Tensor) -> Tensor:
        x = waveforms.to(device=self.kernels.device, dtype=self.kernels.dtype).unsqueeze(-1)
        for conv in self._extractor:
            x = conv(x)
        return x


def _extractor(config: EncoderConfig, weights: dict[str, Tensor], kernels: Kernels) -> list[Conv]:
    layers = []
    for index, (_, _, stride) in enumerate(config.conv_layers):
        name = f"wav2vec2.feature_extractor.conv_layers.{index}"
        normed = index == 0 or not config.group_norm
        layers.append(
            kernels.conv(
                ConvLayer(
                    weight=weights.pop(f"{name}.conv.weight").float(),
                    bias=weights.pop(f"{name}.conv.bias").float() if config.conv_bias else None,
                    stride=stride,
                    norm=_pair(weights, f"{name}.layer_norm") if normed else None,
                    group_norm=config.group_norm,
                )
            )
        )
    return layers


def _pair(weights: dict[str, Tensor], name: str) -> Parameters:
    return weights.pop(f"{name}.weight").float(), weights.pop(f"{name}.bias").float()


def _norm(weights: dict[str, Tensor], name: str, kernels: Kernels, eps: float) -> Norm:
    return kernels.layer_norm(*_pair(weights, name), eps)


def _attention(
    config: EncoderConfig, weights: dict[str, Tensor], name: str, kernels: Kernels
) -> Attention:
    q, k, v, out = (
        _pair(weights, f"{name}.attention.{part}_proj") for part in ("q", "k", "v", "out")
    )
    return kernels.attention(config.heads, q, k, v, out)


def _feed_forward(weights: dict[str, Tensor], name: str, kernels: Kernels) -> tuple[Linear, Linear]:
    inner = _pair(weights, f"{name}.feed_forward.intermediate_dense")
    outer = _pair(weights, f"{name}.feed_forward.output_dense")
    return kernels.linear(inner, gelu=True), kernels.linear(outer)


def _layer(config: EncoderConfig, weights: dict[str, Tensor], name: str, kernels: Kernels) -> Layer:
    """Returns one transformer layer, with pre-norm or post-norm."""
    attention = _attention(config, weights, name, kernels)
    first = _norm(weights, f"{name}.layer_norm", kernels, config.layer_norm_eps)
    second = _norm(weights, f"{name}.final_layer_norm", kernels, config.layer_norm_eps)
    inner, outer = _feed_forward(weights, name, kernels)
    adapter = _adapter(config, weights, name, kernels)

    def norms_before(x: Tensor, spans: Sequence[Span]) -> Tensor:
        x = attention(first(x), spans, x)
        x = outer(inner(second(x)), x)
        return adapter(x) if adapter else x

    def norms_after(x: Tensor, spans: Sequence[Span]) -> Tensor:
        x = first(attention(x, spans, x))
        return second(outer(inner(x), x))

    # Before: XLS-R, wav2vec2-large-lv60. After: wav2vec2-base, wav2vec2-large.
    return norms_before if config.stable_layer_norm else norms_after


def _adapter(
    config: EncoderConfig, weights: dict[str, Tensor], name: str, kernels: Kernels
) -> Callable[[Tensor], Tensor] | None:
    """Returns the per-language bottleneck of MMS checkpoints, if the config has one."""
    if config.adapter_dim is None:
        return None
    # transformers builds this norm with torch's default epsilon, not the config's.
    norm = _norm(weights, f"{name}.adapter_layer.norm", kernels, 1e-5)
    down = kernels.linear(_pair(weights, f"{name}.adapter_layer.linear_1"), exact=True)
    up = kernels.linear(_pair(weights, f"{name}.adapter_layer.linear_2"), exact=True)
    return lambda x: up(down(norm(x)).relu_(), x)
