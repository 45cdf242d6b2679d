"""Bytes of raw PCM as they arrive in, 16 kHz mono samples out, without a seam between them."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import soundfile

from app.audio import SAMPLE_RATE, RawFormat, Samples
from app.audio.blocks import Block, Resampler, mix_down
from app.errors import AudioError


class PcmInput:
    """Decodes one stream of raw PCM.

    Args:
        encoding: s16le, s16be, f32le, mulaw or alaw.
        rate: samples per second of one channel.
        channels: how many, interleaved; their mean is heard.

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
        """Of the audio as it comes."""
        return self._format.frame_bytes * self._format.rate

    def feed(self, data: bytes) -> Samples:
        """Decode what arrived; bytes of an unfinished frame wait for the rest of it.

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
        """What the resampler held back; an unfinished frame is dropped, and a stream may begin.

        Returns:
            float32 [samples] at 16 kHz.
        """
        self._rest = b""
        resampler, self._resampler = self._resampler, Resampler()
        return _joined(resampler.finish())


def _decoder(raw: RawFormat) -> Callable[[bytes], npt.NDArray[np.float32]]:
    if raw.encoding in {"s16le", "s16be"}:
        kind = "<i2" if raw.encoding == "s16le" else ">i2"
        return lambda data: np.frombuffer(data, kind).astype(np.float32) / np.float32(2**15)
    if raw.encoding == "f32le":
        return lambda data: np.frombuffer(data, "<f4").astype(np.float32)
    # One byte a sample: libsndfile says once what each of them stands for.
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
