"""Torch's kernels for accelerators: one pass over a batch, whatever lengths its utterances have.

Waveforms go in end to end, emissions come out end to end, and no operation is called once per
utterance or once per length: on a GPU each call costs a launch, and hundreds of small ones a layer
take longer than the sums. Utterances share no sum, so the result is that of each one alone but
for rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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
)
from app.audio.frames import FrameGrid

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # torch before 2.10
    varlen_attn = None  # type: ignore[assignment]

Waveform = npt.NDArray[np.float32]
# (queries, keys, values [rows, heads, width] each, layout) → [rows, heads * width].
Attend = Callable[[Tensor, Tensor, Tensor, "Layout"], Tensor]

# Two minutes give the first layer 384,000 rows, and its output 0.4 GB in fp16: more at a time would
# hardly save a launch, but cost memory.
_TAPE_SAMPLES = 120 * 16_000
_FLASH_SINCE = (8, 0)
_FLASH_MOST_WIDTH = 256
_NORM_EPSILON = 1e-5


class Layout:
    """Where the utterances of a batch lie in its packed rows.

    Args:
        lengths: frames of each utterance, in order.
        device: where the index tensors are needed.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self._lengths = np.asarray(lengths)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._owners = np.repeat(np.arange(len(lengths)), self._lengths)
        self._device = device
        self.count = len(lengths)
        self.rows = int(self._lengths.sum())
        self.longest = int(self._lengths.max())
        self.even = bool((self._lengths == self.longest).all())

    @cached_property
    def bounds(self) -> Tensor:
        """int32 [utterances + 1]: the first row of each, and the number of rows."""
        return self._sent(np.append(self._starts, self.rows).astype(np.int32))

    @cached_property
    def owners(self) -> Tensor:
        """int64 [rows]: which utterance a row belongs to."""
        return self._sent(self._owners)

    @cached_property
    def padded(self) -> Tensor:
        """int64 [utterances * longest]: rows of each, its last one repeated up to the longest.

        What is repeated is the utterance's own, so that one that is not finite spoils no other.
        """
        within = np.minimum(np.arange(self.longest), self._lengths[:, None] - 1)
        return self._sent((self._starts[:, None] + within).ravel())

    @cached_property
    def real(self) -> Tensor:
        """True for each frame [utterances, longest], False where `padded` repeats a row."""
        return self._sent(np.arange(self.longest) < self._lengths[:, None])

    @cached_property
    def unpadded(self) -> Tensor:
        """int64 [rows]: where each row is in `padded`."""
        return self._sent(
            self._owners * self.longest + np.arange(self.rows) - self._starts[self._owners]
        )

    def _sent(self, values: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(self._device)


@dataclass(frozen=True, slots=True)
class Tape:
    """Waveforms end to end, each beginning at a multiple of the hop, in slots of whole hops.

    A frame is a function of the samples under it where the norm acts on one frame at a time,
    and an utterance's first frame begins at its first sample: all its frames are among those of
    the tape. Frames that reach into the next utterance are dropped.

    Attributes:
        samples: float32 [slots * hop].
        rows: int64 [frames of all utterances], the tape's frames that are kept.
        slots: how many hops each utterance takes.
        lengths: how many samples each has.
    """

    samples: Waveform
    rows: npt.NDArray[np.int64]
    slots: list[int]
    lengths: list[int]


class PackedTorchKernels(TorchKernels):
    """Operations by torch over packed rows, for CUDA, MPS and whatever else launches kernels.

    Attention runs by torch's variable-length attention where `has_flash` finds it, and
    elsewhere over queries, keys and values that are padded to the longest and masked.
    """

    name = "torch-packed"

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(device, dtype)
        self.apart = False
        # Those of the batch that runs: each is asked for once a layer.
        self._spans: Sequence[Span] = ()
        self._layout: Layout | None = None
        self._tape: Tape | None = None

    def extract(
        self, config: EncoderConfig, convs: Sequence[Conv], waveforms: Sequence[Waveform]
    ) -> tuple[Tensor, list[Span]]:
        """Run the feature extractor over all waveforms.

        Args:
            config: the model's shape.
            convs: its convolutions, from `conv`.
            waveforms: float32 [samples] each, at least one receptive field long.

        Returns:
            The rows [frames of all, channels] in the order given, and which belong together.
        """
        parts = []
        for tape in tapes(waveforms, config):
            self._tape = tape
            x = torch.from_numpy(tape.samples).to(self.device).to(self.dtype)[None, :, None]
            for conv in convs:
                x = conv(x)
            parts.append(x[0].index_select(0, torch.from_numpy(tape.rows).to(self.device)))
        self._tape = None
        frames = [config.grid.frames(len(waveform)) for waveform in waveforms]
        spans = [Span(len(list(run)), length) for length, run in groupby(frames)]
        return torch.cat(parts), spans

    def conv(self, layer: ConvLayer) -> Conv:
        """See `Kernels`. A group norm is taken over each utterance's own frames of the tape."""
        if layer.norm is None or not layer.group_norm:
            return super().conv(layer)
        convolve = self.convolution(layer)
        taps, stride = layer.weight.shape[-1], layer.stride
        gain, shift = (part.to(self.device).float() for part in layer.norm)

        def run(x: Tensor) -> Tensor:
            if self._tape is None:
                raise RuntimeError("a group norm over packed utterances runs inside `extract`")
            y = convolve(x)[0]
            normed = _group_norm(
                y.float(), self._tape, taps=taps, stride=stride, gain=gain, shift=shift
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
        # Queries, keys and values are one product.
        together = self.linear((torch.cat([q[0], k[0], v[0]]), torch.cat([q[1], k[1], v[1]])))
        back = self.linear(out)
        width = len(q[1]) // heads
        attend = _flash if has_flash(self.device, self.dtype, width) else _padded

        def run(x: Tensor, spans: Sequence[Span], residual: Tensor) -> Tensor:
            query, key, value = together(x).view(-1, 3, heads, width).unbind(1)
            return back(attend(query, key, value, self._layout_of(spans)), residual)

        return run

    def _layout_of(self, spans: Sequence[Span]) -> Layout:
        if self._layout is None or spans is not self._spans:
            lengths = [span.frames for span in spans for _ in range(span.count)]
            self._spans, self._layout = spans, Layout(lengths, self.device)
        return self._layout


def has_flash(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Whether torch's variable-length attention runs here, for heads of that width.

    It is FlashAttention 2: NVIDIA cards since Ampere, two bytes a value, heads of a multiple
    of 8 up to 256 wide.
    """
    return (
        varlen_attn is not None
        and device.type == "cuda"
        and torch.version.cuda is not None
        and torch.backends.cuda.is_flash_attention_available()
        and dtype in {torch.float16, torch.bfloat16}
        and width % 8 == 0
        and width <= _FLASH_MOST_WIDTH
        and torch.cuda.get_device_capability(device) >= _FLASH_SINCE
    )


def tapes(waveforms: Sequence[Waveform], config: EncoderConfig) -> Iterator[Tape]:
    """Lay waveforms end to end, on a new tape whenever one holds two minutes."""
    hop = config.grid.hop
    run: list[Waveform] = []
    held = 0
    for waveform in waveforms:
        slot = -(-len(waveform) // hop) * hop
        if run and held + slot > _TAPE_SAMPLES:
            yield _tape(run, config)
            run, held = [], 0
        run.append(waveform)
        held += slot
    if run:
        yield _tape(run, config)


def _tape(waveforms: Sequence[Waveform], config: EncoderConfig) -> Tape:
    lengths = [len(waveform) for waveform in waveforms]
    slots = [-(-length // config.grid.hop) for length in lengths]
    samples = np.zeros(sum(slots) * config.grid.hop, dtype=np.float32)
    rows = []
    start = 0
    for waveform, slot in zip(waveforms, slots, strict=True):
        samples[start * config.grid.hop :][: len(waveform)] = waveform
        rows.append(np.arange(start, start + config.grid.frames(len(waveform))))
        start += slot
    return Tape(samples, np.concatenate(rows), slots, lengths)


def _group_norm(
    y: Tensor, tape: Tape, *, taps: int, stride: int, gain: Tensor, shift: Tensor
) -> Tensor:
    """The norm of each channel over the frames of each utterance, one channel a group.

    A slot is a whole number of blocks of frames, so sums are taken over blocks first, and over
    the blocks of each utterance then; frames that straddle count for nothing.

    Args:
        y: float32 [frames of the tape, channels], what the first convolution makes of it.
        tape: what lies where.
        taps: the convolution's kernel, in samples.
        stride: its step, in samples.
        gain: float32 [channels].
        shift: float32 [channels].

    Returns:
        float32 [frames of the tape, channels].
    """
    frames, channels = y.shape
    block = len(tape.samples) // sum(tape.slots) // stride
    layout = Layout(tape.slots, y.device)
    own = np.array([FrameGrid(stride, taps).frames(length) for length in tape.lengths])
    within = np.concatenate([np.arange(slot * block) for slot in tape.slots])
    counted = within < np.repeat(own, np.array(tape.slots) * block)
    mask = torch.from_numpy(counted).to(y.device).view(layout.rows, block, 1)
    counts = torch.from_numpy(own.astype(np.float32)).to(y.device)[:, None]
    blocks = functional.pad(y, (0, 0, 0, len(within) - frames)).view(layout.rows, block, channels)

    def mean(values: Tensor) -> Tensor:
        sums = values.where(mask, 0.0).sum(1).index_select(0, layout.padded)
        by_utterance = sums.view(layout.count, layout.longest, channels)
        return by_utterance.where(layout.real[..., None], 0.0).sum(1) / counts

    centred = blocks - mean(blocks).index_select(0, layout.owners)[:, None]
    scale = (mean(centred.square()) + _NORM_EPSILON).rsqrt() * gain
    normed = centred * scale.index_select(0, layout.owners)[:, None] + shift
    return normed.flatten(0, 1)[:frames]


def _convolved(x: Tensor, layout: Layout, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
    """One grouped convolution over all utterances, with gaps of zeros between them.

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
    before = torch.arange(layout.rows, device=x.device) + gap * layout.owners
    tape = x.new_zeros(layout.rows + gap * (layout.count + 1), x.shape[1])
    tape.index_copy_(0, before + gap, x)
    y = functional.conv1d(tape.t()[None], weight, bias, groups=groups)[0].t()
    return y.index_select(0, before)


def _flash(query: Tensor, key: Tensor, value: Tensor, layout: Layout) -> Tensor:
    bounds, longest = layout.bounds, layout.longest
    # The seventh argument and those before it are alike in every torch that has the function.
    y = varlen_attn(query, key, value, bounds, bounds, longest, longest)
    assert isinstance(y, Tensor)
    return y.flatten(1)


def _padded(query: Tensor, key: Tensor, value: Tensor, layout: Layout) -> Tensor:
    shape = (layout.count, layout.longest, *query.shape[1:])

    def spread(x: Tensor) -> Tensor:
        padded = x if layout.even else x.index_select(0, layout.padded)
        return padded.reshape(shape).transpose(1, 2)

    mask = None if layout.even else layout.real[:, None, None]
    y = functional.scaled_dot_product_attention(
        spread(query), spread(key), spread(value), attn_mask=mask
    )
    rows = y.transpose(1, 2).reshape(layout.count * layout.longest, -1)
    return rows if layout.even else rows.index_select(0, layout.unpadded)
