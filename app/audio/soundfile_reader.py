"""Reads uncompressed audio, FLAC and raw PCM by libsndfile.

Only containers that libsndfile reads without loss are read here. It stops an MP3 without a Xing
header at an estimate of its length, plays only the first of chained Ogg streams, and prints to the
console about a damaged CAF: FFmpeg reads those.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from app.audio.blocks import BLOCK_VALUES, Block, Mixer
from app.audio.info import AudioInfo, TrackInfo
from app.audio.options import AudioLimits, RawFormat, check_signal
from app.errors import AudioError

# libsndfile's frame count for a header that leaves it open.
_UNCOUNTED = 2**62
# Responses use FFmpeg's names of codecs; these are libsndfile's subtypes. For PCM see `_codec`.
_CODECS = {
    "ULAW": "pcm_mulaw",
    "ALAW": "pcm_alaw",
    "IMA_ADPCM": "adpcm_ima_wav",
    "MS_ADPCM": "adpcm_ms",
    "GSM610": "gsm_ms",
    "G721_32": "adpcm_g726",
    "G723_24": "adpcm_g726",
    "G723_40": "adpcm_g726",
    "NMS_ADPCM_16": "adpcm_nms",
    "NMS_ADPCM_24": "adpcm_nms",
    "NMS_ADPCM_32": "adpcm_nms",
    "DWVW_12": "dwvw",
    "DWVW_16": "dwvw",
    "DWVW_24": "dwvw",
    "DPCM_8": "dpcm",
    "DPCM_16": "dpcm",
}
_PCM = {
    "PCM_S8": "s8",
    "PCM_U8": "u8",
    "PCM_16": "s16",
    "PCM_24": "s24",
    "PCM_32": "s32",
    "FLOAT": "f32",
    "DOUBLE": "f64",
}
_BIG_ENDIAN = {"AIFF", "AU"}


class UnreadableError(Exception):
    """libsndfile cannot open the stream; FFmpeg may be able to."""


class _Callbacks:
    """The callbacks by which libsndfile reads a stream.

    A damaged header makes libsndfile seek to impossible offsets. It expects such a seek to have no
    effect; an exception in a callback would only print a traceback.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readinto(self, buffer: memoryview) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return self._stream.tell()

    def tell(self) -> int:
        return self._stream.tell()


class SoundFileReader:
    """Decodes one stream; see `Reader`.

    Args:
        stream: seekable, read from its beginning.
        name: of the container, for messages.
        limits: of channels.
        raw: format of a stream without a header.
        channel: the only channel to read, from 0; None mixes them.

    Raises:
        AudioError: its rate or channel count is not accepted.
        UnreadableError: libsndfile does not know the codec, or the header is damaged.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        *,
        limits: AudioLimits,
        raw: RawFormat | None = None,
        channel: int | None = None,
    ) -> None:
        stream.seek(0)
        self._mixer = Mixer(channel)
        self._name = name
        try:
            if raw is None:
                self._file = soundfile.SoundFile(_Callbacks(stream))
            else:
                self._file = soundfile.SoundFile(
                    _Callbacks(stream),
                    samplerate=raw.rate,
                    channels=raw.channels,
                    format="RAW",
                    subtype=raw.subtype,
                    endian=raw.endian,
                )
        except soundfile.LibsndfileError as error:
            raise UnreadableError from error
        self._rate: int = self._file.samplerate
        self._frames: int = self._file.frames
        if self._frames >= _UNCOUNTED or self._file.subtype.startswith("MPEG"):
            self.close()
            raise UnreadableError
        try:
            check_signal(self._rate, self._file.channels, limits.max_channels)
        except AudioError:
            self.close()
            raise
        track = TrackInfo(0, _codec(self._file), self._file.channels, self._rate)
        self.info = None if raw is not None else AudioInfo(name, (track,))

    @property
    def declared(self) -> float:
        """Seconds that the header declares."""
        return self._frames / self._rate

    def blocks(self) -> Iterator[Block]:
        """Yields the audio in order; see `Reader`."""
        channels: int = self._file.channels
        done = 0
        while done < self._frames:
            size = min(self._frames - done, max(1, BLOCK_VALUES // channels))
            try:
                frames = self._file.read(out=np.empty((size, channels), dtype=np.float32))
            except soundfile.SoundFileError as error:
                raise AudioError(
                    f"The {self._name} file is damaged or cut short: it declares "
                    f"{self.declared:.2f} s, but cannot be decoded to its end."
                ) from error
            if not len(frames):
                break
            done += len(frames)
            yield Block(self._mixer.mix(frames), self._rate)
        if done and done < self._frames:
            raise AudioError(
                f"The {self._name} file is damaged or cut short: it declares "
                f"{self.declared:.2f} s, but only {done / self._rate:.2f} s can be decoded."
            )

    def close(self) -> None:
        """Releases the decoder; the stream stays open."""
        self._file.close()


def _codec(file: soundfile.SoundFile) -> str:
    """Returns FFmpeg's name of the codec."""
    subtype: str = file.subtype
    if file.format == "FLAC":
        return "flac"
    if subtype in _PCM:
        # Single bytes have no byte order.
        if _PCM[subtype] in {"s8", "u8"}:
            return f"pcm_{_PCM[subtype]}"
        big = file.endian == "BIG" or (file.endian == "FILE" and file.format in _BIG_ENDIAN)
        return f"pcm_{_PCM[subtype]}{'be' if big else 'le'}"
    return _CODECS.get(subtype, subtype.lower())
