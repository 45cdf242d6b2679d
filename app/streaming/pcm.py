"""Decodes a client's raw PCM, in messages of any size, to 16 kHz mono samples."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable

import numpy as np
import numpy.typing as npt
import soundfile

from app.audio import SAMPLE_RATE, RawFormat, Samples
from app.audio.blocks import Block, Resampler, mix_down
from app.errors import AudioError, TooLargeError

_PIECE_SECONDS = 1.0


class PcmInput:
    """Decodes one stream of raw PCM; frames and the resampler continue across messages.

    Args:
        encoding: s16le, s16be, f32le, mulaw or alaw.
        rate: samples per second of one channel.
        channels: how many, interleaved; they are averaged.

    Raises:
        InvalidRequestError: the encoding is none of these, or rate or channels are not accepted.
    """

    def __init__(self, encoding: str = "s16le", rate: int = SAMPLE_RATE, channels: int = 1) -> None:
        self._format = RawFormat(rate=rate, encoding=encoding, channels=channels)
        self._decode = _decoder(self._format)
        self._rest = b""
        self._resampler = Resampler()

    @property
    def bytes_per_second(self) -> int:
        """Of the audio as it is sent."""
        return self._format.frame_bytes * self._format.rate

    def feed(self, data: bytes) -> Samples:
        """Decodes a piece of audio; bytes of an unfinished frame wait for the rest of it.

        Args:
            data: any number of bytes.

        Returns:
            float32 [samples] at 16 kHz; the resampler holds back a few milliseconds.

        Raises:
            AudioError: a sample is not a finite number.
        """
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self._format.frame_bytes
        self._rest = data[whole:]
        if not whole:
            return np.empty(0, np.float32)
        frames = self._decode(data[:whole]).reshape(-1, self._format.channels)
        if not np.isfinite(frames).all():
            raise AudioError("The audio holds samples that are not finite numbers.")
        return _joined(self._resampler.push(Block(mix_down(frames), self._format.rate)))

    def flush(self) -> Samples:
        """Returns what the resampler held back, drops an unfinished frame, and starts anew.

        Returns:
            float32 [samples] at 16 kHz.
        """
        self._rest = b""
        resampler, self._resampler = self._resampler, Resampler()
        return _joined(resampler.finish())


async def decoded(pcm: PcmInput, data: bytes, *, max_seconds: float) -> AsyncIterator[Samples]:
    """Yields the samples of one message, about a second at a time.

    A message of more than a second is decoded and resampled in a thread, off the event loop.

    Args:
        pcm: of the stream.
        data: the message.
        max_seconds: how much audio a message may hold.

    Yields:
        float32 [samples] at 16 kHz.

    Raises:
        TooLargeError: it holds more.
        AudioError: a sample is not a finite number.
    """
    rate = pcm.bytes_per_second
    if len(data) > rate * max_seconds:
        raise TooLargeError(
            f"A message holds {len(data) / rate:,.0f} s of audio; accepted: at most "
            f"{max_seconds:g} s (NORDLYD_LIVE_MESSAGE_SECONDS)."
        )
    size = max(1, round(rate * _PIECE_SECONDS))
    if len(data) <= size:
        yield pcm.feed(data)
        return
    for start in range(0, len(data), size):
        yield await asyncio.to_thread(pcm.feed, data[start : start + size])


def _decoder(raw: RawFormat) -> Callable[[bytes], npt.NDArray[np.float32]]:
    if raw.encoding in {"s16le", "s16be"}:
        kind = "<i2" if raw.encoding == "s16le" else ">i2"
        return lambda data: np.frombuffer(data, kind).astype(np.float32) / np.float32(2**15)
    if raw.encoding == "f32le":
        return lambda data: np.frombuffer(data, "<f4").astype(np.float32)
    # One byte a sample: a table of the values of all 256, decoded once by libsndfile.
    values, _ = soundfile.read(
        io.BytesIO(bytes(range(256))),
        dtype="float32",
        format="RAW",
        subtype=raw.subtype,
        samplerate=raw.rate,
        channels=1,
    )
    table: npt.NDArray[np.float32] = values
    return lambda data: table[np.frombuffer(data, np.uint8)]


def _joined(blocks: list[Samples]) -> Samples:
    return blocks[0] if len(blocks) == 1 else np.concatenate([np.empty(0, np.float32), *blocks])
