"""One message of raw PCM in, its samples out in pieces, so that a long one holds up nobody."""

import asyncio
from collections.abc import AsyncIterator

from app.audio import Samples
from app.errors import TooLargeError
from app.streaming.pcm import PcmInput

_PIECE_SECONDS = 1.0


async def decoded(pcm: PcmInput, data: bytes, *, most_seconds: float) -> AsyncIterator[Samples]:
    """Yields the samples of a message, about a second at a time.

    A message of more than a second is decoded and resampled beside the event loop.

    Args:
        pcm: of the stream.
        data: the message.
        most_seconds: how much audio a message may hold.

    Yields:
        float32 [samples] at 16 kHz.

    Raises:
        TooLargeError: it holds more.
        AudioError: a sample is not a finite number.
    """
    rate = pcm.bytes_per_second
    if len(data) > rate * most_seconds:
        raise TooLargeError(
            f"A message holds {len(data) / rate:,.0f} s of audio; accepted: at most "
            f"{most_seconds:g} s (NORDLYD_LIVE_MESSAGE_SECONDS)."
        )
    size = max(1, round(rate * _PIECE_SECONDS))
    if len(data) <= size:
        yield pcm.feed(data)
        return
    for start in range(0, len(data), size):
        yield await asyncio.to_thread(pcm.feed, data[start : start + size])
