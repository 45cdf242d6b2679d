"""Utterances of any lengths end to end: their samples, and which rows are whose."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.audio.frames import FrameGrid

# Two minutes give the first layer 384,000 rows, and its output 0.4 GB in fp16: more at a time would
# hardly save a launch, but cost memory.
_MAX_SAMPLES = 120 * 16_000

Waveform = npt.NDArray[np.float32]


class PackedLayout:
    """Which packed rows belong to which utterance of a batch; names are FlashAttention's.

    Args:
        lengths: frames of each utterance, in order.
        device: of the index tensors.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self._lengths = np.asarray(lengths)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._sequence_ids = np.repeat(np.arange(len(lengths)), self._lengths)
        self._device = device
        self.count = len(lengths)
        self.rows = int(self._lengths.sum())
        self.max_seqlen = int(self._lengths.max())
        self.uniform = bool((self._lengths == self.max_seqlen).all())

    @cached_property
    def cu_seqlens(self) -> Tensor:
        """int32 [utterances + 1]: the first row of each, and the number of rows."""
        return self._to_device(np.append(self._starts, self.rows).astype(np.int32))

    @cached_property
    def sequence_ids(self) -> Tensor:
        """int64 [rows]: which utterance a row belongs to."""
        return self._to_device(self._sequence_ids)

    @cached_property
    def padded_rows(self) -> Tensor:
        """int64 [utterances * max_seqlen]: rows of each, its last one repeated as padding.

        The padding is the utterance's own, so that a non-finite one affects no other.
        """
        within = np.minimum(np.arange(self.max_seqlen), self._lengths[:, None] - 1)
        return self._to_device((self._starts[:, None] + within).ravel())

    @cached_property
    def mask(self) -> Tensor:
        """Bool [utterances, max_seqlen]: False where `padded_rows` repeats a row."""
        return self._to_device(np.arange(self.max_seqlen) < self._lengths[:, None])

    @cached_property
    def unpadded_rows(self) -> Tensor:
        """int64 [rows]: the place of each row in `padded_rows`."""
        return self._to_device(
            self._sequence_ids * self.max_seqlen
            + np.arange(self.rows)
            - self._starts[self._sequence_ids]
        )

    def _to_device(self, values: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(self._device)


@dataclass(frozen=True, slots=True)
class PackedWaveforms:
    """Waveforms end to end, each starting at a multiple of the hop, in slots of whole hops.

    With a norm over each single frame, a frame is a function of the samples it sees, and an
    utterance's first frame starts at its first sample: all its frames are among those of the
    packed waveforms. Frames that reach into the next utterance are dropped.

    Attributes:
        samples: float32 [slots * hop].
        rows: int64 [frames of all utterances], the frames that are kept.
        slots: how many hops each utterance takes.
        lengths: how many samples each has.
    """

    samples: Waveform
    rows: npt.NDArray[np.int64]
    slots: list[int]
    lengths: list[int]


def pack_waveforms(waveforms: Sequence[Waveform], grid: FrameGrid) -> Iterator[PackedWaveforms]:
    """Packs waveforms end to end, at most two minutes at a time."""
    hop = grid.hop
    run: list[Waveform] = []
    held = 0
    for waveform in waveforms:
        slot = -(-len(waveform) // hop) * hop
        if run and held + slot > _MAX_SAMPLES:
            yield _pack(run, grid)
            run, held = [], 0
        run.append(waveform)
        held += slot
    if run:
        yield _pack(run, grid)


def _pack(waveforms: Sequence[Waveform], grid: FrameGrid) -> PackedWaveforms:
    lengths = [len(waveform) for waveform in waveforms]
    slots = [-(-length // grid.hop) for length in lengths]
    samples = np.zeros(sum(slots) * grid.hop, dtype=np.float32)
    rows = []
    start = 0
    for waveform, slot in zip(waveforms, slots, strict=True):
        samples[start * grid.hop :][: len(waveform)] = waveform
        rows.append(np.arange(start, start + grid.frames(len(waveform))))
        start += slot
    return PackedWaveforms(samples, np.concatenate(rows), slots, lengths)
