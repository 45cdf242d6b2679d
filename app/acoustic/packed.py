"""Torch's kernels for accelerators: one pass over a batch of utterances of any lengths.

Waveforms and emissions are packed end to end, and no operation is called once per utterance or per
length: on a GPU each call is a launch, and hundreds of small ones a layer take longer than the
arithmetic. Utterances share no sum, so the result is that of each alone but for rounding.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from app.acoustic.config import EncoderConfig
from app.acoustic.kernels import (
    Attention,
    Conv,
    ConvLayer,
    Parameters,
    Positional,
    Span,
    TorchKernels,
    stacked,
)
from app.acoustic.packing import PackedLayout, PackedWaveforms, pack_waveforms
from app.audio.frames import FrameGrid

Waveform = npt.NDArray[np.float32]
# (queries, keys, values [rows, heads, width] each, layout) → [rows, heads * width].
AttentionFunction = Callable[[Tensor, Tensor, Tensor, "PackedLayout"], Tensor]

_FLASH_SINCE = (8, 0)
_FLASH_MAX_WIDTH = 256
_NORM_EPSILON = 1e-5


class PackedTorchKernels(TorchKernels):
    """Operations by torch over packed rows, for CUDA, MPS and other accelerators.

    Attention is torch's variable-length attention where `has_flash`; elsewhere queries, keys and
    values are padded to the longest utterance and masked.
    """

    name = "torch-packed"

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(device, dtype)
        self.one_at_a_time = False
        # Of the current batch; each is needed once a layer.
        self._spans: Sequence[Span] = ()
        self._layout: PackedLayout | None = None
        self._packed: PackedWaveforms | None = None

    def extract(
        self, config: EncoderConfig, convs: Sequence[Conv], waveforms: Sequence[Waveform]
    ) -> tuple[Tensor, list[Span]]:
        """Runs the feature extractor over all waveforms.

        Args:
            config: the model's shape.
            convs: its convolutions, from `conv`.
            waveforms: float32 [samples] each, at least one receptive field long.

        Returns:
            The rows [frames of all, channels] in the order given, and which belong together.
        """
        parts = []
        for packed in pack_waveforms(waveforms, config.grid):
            self._packed = packed
            x = torch.from_numpy(packed.samples).to(self.device).to(self.dtype)[None, :, None]
            for conv in convs:
                x = conv(x)
            parts.append(x[0].index_select(0, torch.from_numpy(packed.rows).to(self.device)))
        self._packed = None
        frames = [config.grid.frames(len(waveform)) for waveform in waveforms]
        spans = [Span(len(list(run)), length) for length, run in groupby(frames)]
        return torch.cat(parts), spans

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`. A group norm is taken over each utterance's own packed frames."""
        if layer.norm is None or not layer.group_norm:
            return super().conv(layer)
        convolve = self.convolution(layer)
        taps, stride = layer.weight.shape[-1], layer.stride
        gain, shift = (part.to(self.device).float() for part in layer.norm)

        def run(x: Tensor) -> Tensor:
            if self._packed is None:
                raise RuntimeError("a group norm over packed utterances runs inside `extract`")
            y = convolve(x)[0]
            normed = _group_norm(
                y.float(), self._packed, taps=taps, stride=stride, gain=gain, shift=shift
            )
            return functional.gelu(normed.to(self.dtype))[None]

        return run

    def positional(self, weight: Tensor, bias: Tensor, groups: int) -> Positional:
        """See `Kernels`: one convolution over all utterances with gaps of zeros between them."""
        own_weight, own_bias = self._own(weight), self._own(bias)

        def run(x: Tensor, spans: Sequence[Span]) -> Tensor:
            y = _convolved(x, self._layout_of(spans), own_weight, own_bias, groups)
            return functional.gelu(y).add_(x)

        return run

    def stacked_positional(self, layers: Sequence[Parameters], groups: int) -> Positional:
        """Data2vec's position embedding, as `app.acoustic.positional.stacked` describes it."""
        own = [(self._own(weight), self._own(bias)) for weight, bias in layers]

        def run(x: Tensor, spans: Sequence[Span]) -> Tensor:
            y = x
            for weight, bias in own:
                y = _convolved(y, self._layout_of(spans), weight, bias, groups)
                y = functional.gelu(functional.layer_norm(y, y.shape[-1:]))
            return y.add_(x)

        return run

    def attention(
        self, heads: int, q: Parameters, k: Parameters, v: Parameters, out: Parameters
    ) -> Attention:
        """See `Kernels`."""
        together = self.linear(stacked(q, k, v))
        back = self.linear(out)
        width = len(q[1]) // heads
        attention = _flash if has_flash(self.device, self.dtype, width) else _padded

        def run(x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
            query, key, value = together(x).view(-1, 3, heads, width).unbind(1)
            return back(attention(query, key, value, self._layout_of(spans)), residual)

        return run

    def _layout_of(self, spans: Sequence[Span]) -> PackedLayout:
        if self._layout is None or spans is not self._spans:
            lengths = [span.frames for span in spans for _ in range(span.count)]
            self._spans, self._layout = spans, PackedLayout(lengths, self.device)
        return self._layout


def has_flash(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Returns whether torch's variable-length attention runs here, for heads of that width.

    It is FlashAttention 2: NVIDIA cards since Ampere, two bytes a value, heads of a multiple
    of 8 up to 256 wide.
    """
    return (
        device.type == "cuda"
        and torch.version.cuda is not None
        and torch.backends.cuda.is_flash_attention_available()
        and dtype in {torch.float16, torch.bfloat16}
        and width % 8 == 0
        and width <= _FLASH_MAX_WIDTH
        and torch.cuda.get_device_capability(device) >= _FLASH_SINCE
        and _varlen_attn() is not None
    )


def _varlen_attn() -> Callable[..., Tensor | tuple[Tensor, Tensor]] | None:
    """Returns torch's variable-length attention; None before torch 2.10."""
    # Its module imports torch's compiler, which takes as long as all else of torch together.
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415
    except ImportError:
        return None
    return varlen_attn


def _group_norm(
    y: Tensor, packed: PackedWaveforms, *, taps: int, stride: int, gain: Tensor, shift: Tensor
) -> Tensor:
    """Returns the norm of each channel over each utterance's frames, one channel a group.

    A slot is a whole number of blocks of frames, so sums are taken over blocks first, and over
    the blocks of each utterance then; frames that straddle count for nothing.

    Args:
        y: float32 [packed frames, channels], what the first convolution makes of it.
        packed: which frames belong to which utterance.
        taps: the convolution's kernel, in samples.
        stride: its step, in samples.
        gain: float32 [channels].
        shift: float32 [channels].

    Returns:
        float32 [packed frames, channels].
    """
    frames, channels = y.shape
    block = len(packed.samples) // sum(packed.slots) // stride
    layout = PackedLayout(packed.slots, y.device)
    own = np.array([FrameGrid(stride, taps).frames(length) for length in packed.lengths])
    within = np.concatenate([np.arange(slot * block) for slot in packed.slots])
    counted = within < np.repeat(own, np.array(packed.slots) * block)
    mask = torch.from_numpy(counted).to(y.device).view(layout.rows, block, 1)
    counts = torch.from_numpy(own.astype(np.float32)).to(y.device)[:, None]
    blocks = functional.pad(y, (0, 0, 0, len(within) - frames)).view(layout.rows, block, channels)

    def mean(values: Tensor) -> Tensor:
        sums = values.where(mask, 0.0).sum(1).index_select(0, layout.padded_rows)
        by_utterance = sums.view(layout.count, layout.max_seqlen, channels)
        return by_utterance.where(layout.mask[..., None], 0.0).sum(1) / counts

    centred = blocks - mean(blocks).index_select(0, layout.sequence_ids)[:, None]
    scale = (mean(centred.square()) + _NORM_EPSILON).rsqrt() * gain
    normed = centred * scale.index_select(0, layout.sequence_ids)[:, None] + shift
    return normed.flatten(0, 1)[:frames]


def _convolved(
    x: Tensor, layout: PackedLayout, weight: Tensor, bias: Tensor, groups: int
) -> Tensor:
    """Applies one grouped convolution over all utterances, with gaps of zeros between them.

    Args:
        x: [rows, channels].
        layout: which rows belong together.
        weight: [channels, channels per group, kernel].
        bias: [channels].
        groups: of the convolution.

    Returns:
        [rows, channels]: what each utterance alone, padded by half a kernel, would give.
    """
    gap = weight.shape[-1] // 2
    # Outputs begin one gap before their inputs, and the last of an even kernel is left out.
    before = torch.arange(layout.rows, device=x.device) + gap * layout.sequence_ids
    spaced = x.new_zeros(layout.rows + gap * (layout.count + 1), x.shape[1])
    spaced.index_copy_(0, before + gap, x)
    y = functional.conv1d(spaced.t()[None], weight, bias, groups=groups)[0].t()
    return y.index_select(0, before)


def _flash(query: Tensor, key: Tensor, value: Tensor, layout: PackedLayout) -> Tensor:
    cu_seqlens, max_seqlen = layout.cu_seqlens, layout.max_seqlen
    varlen_attn = _varlen_attn()
    assert varlen_attn is not None
    # The seventh argument and those before it are alike in every torch that has the function.
    y = varlen_attn(query, key, value, cu_seqlens, cu_seqlens, max_seqlen, max_seqlen)
    assert isinstance(y, Tensor)
    return y.flatten(1)


def _padded(query: Tensor, key: Tensor, value: Tensor, layout: PackedLayout) -> Tensor:
    shape = (layout.count, layout.max_seqlen, *query.shape[1:])

    def spread(x: Tensor) -> Tensor:
        padded = x if layout.uniform else x.index_select(0, layout.padded_rows)
        return padded.reshape(shape).transpose(1, 2)

    mask = None if layout.uniform else layout.mask[:, None, None]
    y = functional.scaled_dot_product_attention(
        spread(query), spread(key), spread(value), attn_mask=mask
    )
    rows = y.transpose(1, 2).reshape(layout.count * layout.max_seqlen, -1)
    return rows if layout.uniform else rows.index_select(0, layout.unpadded_rows)
