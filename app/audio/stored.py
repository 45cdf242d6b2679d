"""The file of decoded audio that a media worker writes and the service reads.

Up to ten minutes are float32 in memory that is shared through a descriptor. Longer audio is blocks
of 16-bit integers on disk, each with its own scale. A scale is a power of two, so that audio that
was recorded in 16 bits comes back exactly; any other is within 90 dB of its block's peak, however
quiet or loud the block is.
"""

import os
import threading
from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np

from app.audio.recording import SAMPLE_RATE, Samples, check_finite
from app.audio.statistics import Statistics
from app.errors import AudioError
from app.storage import write_at

Layout = Literal["float", "blocks"]

BLOCK_SAMPLES = SAMPLE_RATE
FLOAT_BYTES = 4
BLOCK_BYTES = 4 + 2 * BLOCK_SAMPLES
FLOAT_SAMPLES = 600 * SAMPLE_RATE
"""A recording of up to so many samples is kept as float32 in memory."""

_FULL_SCALE = 2**15
_WRITE_SAMPLES = 4 * SAMPLE_RATE


def stored_bytes(samples: int) -> int:
    """Returns how many bytes a recording takes, in memory or on disk."""
    if samples <= FLOAT_SAMPLES:
        return FLOAT_BYTES * samples
    return BLOCK_BYTES * -(-samples // BLOCK_SAMPLES)


class SpaceAllocator(Protocol):
    """Grants a writer room for its samples."""

    def grow_in_memory(self, samples: int) -> int:
        """Waits until so many samples may be written in memory; returns how many are allowed."""
        ...

    def grow_on_disk(self, samples: int) -> tuple[int, int]:
        """Waits for a file on disk for so many samples; returns it and how many are allowed.

        `file` is the same in every call.
        """
        ...


class SampleWriter:
    """Writes the blocks of one recording; a `SampleSink`.

    Args:
        memory: descriptor of an empty file in memory.
        allowed: samples that may be written to it.
        allocator: grants room before more samples are written.
    """

    def __init__(self, memory: int, allowed: int, allocator: SpaceAllocator) -> None:
        self.statistics = Statistics()
        self.layout: Layout = "float"
        self._file = memory
        self._allowed = allowed
        self._allocator = allocator
        self._buffer: list[Samples] = []
        self._buffered_samples = 0
        self._written = 0

    def append(self, block: Samples) -> None:
        """Adds the next block, float32 [samples], 16 kHz mono.

        Raises:
            AudioError: a sample is not a finite number.
            OSError: the disk is full.
        """
        if not block.size:
            return
        check_finite(block, self.statistics.count)
        self.statistics = self.statistics.merged(block)
        self._buffer.append(block)
        self._buffered_samples += block.size
        if self._buffered_samples >= _WRITE_SAMPLES:
            self._write(keep=self._buffered_samples % BLOCK_SAMPLES)

    def finish(self) -> None:
        """Writes the samples that are still buffered."""
        self._write(keep=0)

    def _write(self, keep: int) -> None:
        samples = np.concatenate(self._buffer) if self._buffer else np.empty(0, np.float32)
        whole = samples[: samples.size - keep]
        self._reserve(self._written + whole.size)
        if self.layout == "float":
            write_at(self._file, whole.tobytes(), FLOAT_BYTES * self._written)
        else:
            self._write_blocks(whole, self._written)
        self._written += whole.size
        self._buffer = [samples[whole.size :]] if keep else []
        self._buffered_samples = keep

    def _reserve(self, samples: int) -> None:
        in_place = self.layout == "blocks" or samples <= FLOAT_SAMPLES
        if in_place and samples <= self._allowed:
            return
        if samples <= FLOAT_SAMPLES:
            self._allowed = self._allocator.grow_in_memory(samples)
            return
        file, self._allowed = self._allocator.grow_on_disk(samples)
        if self.layout == "float":
            memory = FileStore(self._file, self._written, "float", owned=False)
            self._file, self.layout = file, "blocks"
            for start in range(0, self._written, _WRITE_SAMPLES):
                stop = min(start + _WRITE_SAMPLES, self._written)
                self._write_blocks(memory.read(start, stop), start)
            memory.truncate()

    def _write_blocks(self, samples: Samples, start: int) -> None:
        """Writes samples from the beginning of a block on."""
        for offset in range(0, samples.size, BLOCK_SAMPLES):
            block = samples[offset : offset + BLOCK_SAMPLES]
            number = (start + offset) // BLOCK_SAMPLES
            write_at(self._file, _encode(block), BLOCK_BYTES * number)


class FileStore:
    """The samples of one recording in a file; see `SampleStore`.

    Args:
        file: descriptor of the file.
        samples: how many samples it has.
        layout: `float`, or `blocks` of 16-bit integers.
        owned: closing the store closes the descriptor.
        on_close: called once, when the store is closed.
    """

    def __init__(
        self,
        file: int,
        samples: int,
        layout: Layout,
        *,
        owned: bool = True,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._file: int | None = file
        self._samples = samples
        self._layout = layout
        self._owned = owned
        self._on_close = on_close
        # A closed descriptor may belong to another file by the time it is read.
        self._lock = threading.Lock()

    def read(self, start: int, stop: int) -> Samples:
        """Returns a copy of a range; see `SampleStore`."""
        with self._lock:
            if self._file is None:
                raise ValueError("the recording was closed")
            if self._layout == "float":
                size = FLOAT_BYTES * (stop - start)
                return np.frombuffer(
                    _read_at(self._file, size, FLOAT_BYTES * start), dtype=np.float32
                )
            return self._read_blocks(self._file, start, stop)

    def truncate(self) -> None:
        """Empties the file without closing it."""
        with self._lock:
            if self._file is not None:
                os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Closes the descriptor, after a read that is under way."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            if self._owned:
                os.close(file)
            self._on_close()

    def __del__(self) -> None:
        self.close()

    def _read_blocks(self, file: int, start: int, stop: int) -> Samples:
        out = np.empty(stop - start, dtype=np.float32)
        filled = 0
        while filled < out.size:
            number, offset = divmod(start + filled, BLOCK_SAMPLES)
            size = min(BLOCK_SAMPLES, self._samples - number * BLOCK_SAMPLES)
            data = _read_at(file, 4 + 2 * size, BLOCK_BYTES * number)
            scale = np.frombuffer(data, np.float32, 1)[0]
            part = np.frombuffer(data, np.int16, offset=4)[offset : offset + out.size - filled]
            np.multiply(part, scale, out=out[filled : filled + part.size])
            filled += part.size
        return out


def _encode(block: Samples) -> bytes:
    """Returns a block as stored: its scale, float32, and its samples in 16 bits."""
    peak = max(float(block.max()), -float(block.min()))
    # The smallest power of two not below the peak; frexp gives peak = fraction * 2 ** exponent.
    exponent = int(np.frexp(peak)[1]) if peak else 0
    if peak == float(np.ldexp(1.0, exponent - 1)):
        exponent -= 1
    # Scales are float32 and must be normal numbers.
    scale = np.float32(np.ldexp(1.0, max(exponent, -100))) / np.float32(_FULL_SCALE)
    rounded = np.rint(block / scale)
    np.clip(rounded, -_FULL_SCALE, _FULL_SCALE - 1, out=rounded)
    return bytes(scale.tobytes()) + bytes(rounded.astype(np.int16).tobytes())


def _read_at(file: int, size: int, position: int) -> bytearray:
    """Reads exactly so many bytes.

    Raises:
        AudioError: the file is shorter.
    """
    data = bytearray(size)
    view = memoryview(data)
    while view:
        done = os.preadv(file, [view], position)
        if not done:
            raise AudioError("The decoded audio is gone: its file is shorter than it was.")
        view, position = view[done:], position + done
    return data
