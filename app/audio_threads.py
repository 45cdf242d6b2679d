"""A recording's file in, its samples out: decoded in threads, given up when nobody waits."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO

from app.audio import AudioLimits, DecodeOptions, Recording, decode_audio
from app.deadlines import before
from app.spool import StoppableSource

_READ_BYTES = 2**16
_DOING = "its audio was being decoded"


class AudioThreads:
    """Decodes audio beside the event loop.

    Args:
        threads: how many recordings at once.
        limits: the longest recording.
    """

    def __init__(self, threads: int, limits: AudioLimits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(threads, "nordlyd-audio")

    async def decode(
        self, source: BinaryIO | Path, options: DecodeOptions, deadline: float | None
    ) -> Recording:
        """Decode one recording. Cancelling the awaiting task stops the thread.

        Args:
            source: an open file at its beginning, which is closed once it is read, or a path.
            options: how to read it.
            deadline: instant of `time.monotonic` after which nobody wants it.

        Raises:
            AudioError: the bytes cannot be decoded.
            DeadlineExceededError: the deadline passed.
        """
        if isinstance(source, Path):
            job = self._pool.submit(
                partial(decode_audio, source, options=options, limits=self._limits)
            )
            return await before(deadline, asyncio.wrap_future(job), _DOING)
        stoppable = StoppableSource(source)
        reader = io.BufferedReader(stoppable, _READ_BYTES)
        job = self._pool.submit(partial(decode_audio, reader, options=options, limits=self._limits))
        # Not sooner: the thread may be reading even after nobody waits for it any more.
        job.add_done_callback(lambda _: source.close())
        try:
            return await before(deadline, asyncio.wrap_future(job), _DOING)
        finally:
            stoppable.stop()

    def close(self) -> None:
        """End the threads; what still waits for one is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
