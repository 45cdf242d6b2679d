"""Bytes in any accepted format in, one `Recording` out: 16 kHz mono float32, block by block."""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from app.audio.extent import Extent, measure
from app.audio.info import AudioInfo
from app.audio.limits import AudioLimits
from app.audio.options import DEFAULT, DecodeOptions
from app.audio.pyav_reader import PyAVReader
from app.audio.raw import RawFormat
from app.audio.reader import Reader
from app.audio.recording import Recording, RecordingBuilder, Samples
from app.audio.resample import Resampler
from app.audio.sniff import Container, Sniffed, sniff
from app.audio.soundfile_reader import SoundFileReader, UnreadableError
from app.errors import AudioError
from app.notices import Notice

_COUNTED = {
    Container.WAV,
    Container.RF64,
    Container.W64,
    Container.AIFF,
    Container.AU,
    Container.NIST,
    Container.FLAC,
}


class SampleSink(Protocol):
    """Takes the samples of a recording as they are decoded."""

    def append(self, block: Samples) -> None:
        """Take the next block, float32 [samples], 16 kHz mono.

        Raises:
            AudioError: a sample is not a finite number.
        """
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """What is known of a recording once it was decoded, beside its samples."""

    info: AudioInfo | None = None
    notices: tuple[Notice, ...] = ()


def decode_audio(
    source: BinaryIO | Path, *, options: DecodeOptions = DEFAULT, limits: AudioLimits
) -> Recording:
    """Decode a whole recording in this process. Blocks.

    Args:
        source: a seekable binary stream, read from its beginning and left open, or a file.
        options: how to read it.
        limits: checked against what the header declares and against what was decoded so far, so
            a small file cannot grow into hours.

    Returns:
        The recording, of at least one sample.

    Raises:
        AudioError: empty, without samples, cut short, damaged, without an audio track, or with
            values that are not finite.
        UnsupportedAudioError: not audio, or in a codec that is not supported.
        TooLargeError: longer than the limit.
    """
    if isinstance(source, Path):
        try:
            stream = source.open("rb")
        except OSError as error:
            raise AudioError(f"Cannot read {source}: {error.strerror}.") from error
        with stream:
            return decode_audio(stream, options=options, limits=limits)
    builder = RecordingBuilder()
    decoded = decode_into(builder, source, options=options, limits=limits)
    return builder.build(decoded.info, decoded.notices)


def decode_into(
    sink: SampleSink, stream: BinaryIO, *, options: DecodeOptions, limits: AudioLimits
) -> Decoded:
    """Decode a whole recording into a sink, at least one sample.

    Args, errors: as for `decode_audio`; `stream` is seekable.
    """
    reader, name = _open(stream, options.raw)
    with closing(reader):
        _read(reader, name, limits, sink)
    return Decoded()


def _open(stream: BinaryIO, raw: RawFormat | None) -> tuple[Reader, str]:
    if raw is not None:
        raw.check_size(stream.seek(0, os.SEEK_END))
        return SoundFileReader(stream, "raw PCM", raw), "raw PCM"
    sniffed = sniff(stream)
    name = sniffed.container.value
    extent = measure(stream, sniffed.container, sniffed.size)
    extent.check(name)
    return _choose_reader(stream, sniffed, extent), name


def _choose_reader(stream: BinaryIO, sniffed: Sniffed, extent: Extent) -> Reader:
    """Pick libsndfile for what it reads without loss, FFmpeg for all else."""
    if sniffed.container in _COUNTED and not extent.open_ended:
        try:
            return SoundFileReader(stream, sniffed.container.value)
        except UnreadableError as error:
            if not extent.located:
                raise AudioError(
                    f"The {sniffed.container.value} file cannot be opened: no audio data is where "
                    "its header leads. It is damaged or cut short."
                ) from error
    return PyAVReader(stream, sniffed)


def _read(reader: Reader, name: str, limits: AudioLimits, sink: SampleSink) -> None:
    if reader.declared is not None:
        limits.check(reader.declared)
    resampler = Resampler()
    samples, seconds, first = 0, 0.0, np.zeros(1, dtype=np.float32)
    for block in reader.blocks():
        if not seconds:
            first = block.samples[:1].copy()
        seconds += block.samples.size / block.rate
        limits.check(seconds)
        for part in resampler.push(block):
            samples += part.size
            sink.append(part)
    if not seconds:
        raise AudioError(f"The {name} file holds no audio samples.")
    if reader.declared is not None and seconds < reader.declared - reader.tolerance - 1e-6:
        raise AudioError(
            f"The {name} file is damaged or cut short: it declares {reader.declared:.2f} s, but "
            f"only {seconds:.2f} s can be decoded."
        )
    for part in resampler.finish():
        samples += part.size
        sink.append(part)
    if not samples:
        # Less than one sample at 16 kHz; the value is there, so it is kept.
        sink.append(first)
