"""The seam between the libraries that decode and everything behind them.

A reader is opened on a stream; blocks of mono audio at the stream's own rate flow out.
"""

from collections.abc import Iterator
from typing import Protocol

from app.audio.info import AudioInfo
from app.audio.resample import Block

# 1 MiB of float32: large enough that the calls cost nothing, small beside a window of audio.
BLOCK_VALUES = 262_144


class Reader(Protocol):
    """One stream being decoded."""

    @property
    def info(self) -> AudioInfo | None:
        """What the file is; None for samples without a header."""
        ...

    @property
    def declared(self) -> float | None:
        """Seconds that the header promises; None where it says nothing that can be relied on."""
        ...

    def blocks(self) -> Iterator[Block]:
        """The audio in order.

        Raises:
            AudioError: the stream is damaged or was cut short.
        """
        ...

    def close(self) -> None:
        """Let go of the decoder; the stream itself stays open."""
        ...
