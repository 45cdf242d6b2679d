"""Decodes a file of any accepted format to 16 kHz mono float32, block by block."""

import os
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import numpy as np

from app.audio.blocks import Reader, Resampler
from app.audio.containers.extent import Extent, measure
from app.audio.containers.formats import FORMATS, Container
from app.audio.containers.mp4 import measure_mp4
from app.audio.containers.sniff import Sniffed, sniff
from app.audio.ffmpeg.reader import PyAVReader
from app.audio.ffmpeg.tracks import find_track
from app.audio.info import AudioInfo, Decoded, NoticeCollector
from app.audio.options import DEFAULT, AudioLimits, DecodeOptions
from app.audio.recording import SILENCE_PEAK, Recording, RecordingBuilder, Samples
from app.audio.soundfile_reader import SoundFileReader, UnreadableError
from app.errors import AudioError
from app.storage import PatchedView

# A bad disk may cost a page of a long Ogg file; a larger loss is a recording with a hole in it.
_MAX_FOREIGN_SHARE, _MAX_FOREIGN_BYTES = 0.02, 65_307
# How much of each other track is decoded to look for sound, and of how many tracks at most.
_SEARCHED_SECONDS, _MAX_SEARCHED_TRACKS = 60.0, 8


class SampleSink(Protocol):
    """Receives the samples of a recording while they are decoded."""

    def append(self, block: Samples) -> None:
        """Adds the next block, float32 [samples], 16 kHz mono.

        Raises:
            AudioError: a sample is not a finite number.
        """
        ...


def decode_audio(
    source: BinaryIO | Path, *, options: DecodeOptions = DEFAULT, limits: AudioLimits
) -> Recording:
    """Decodes a whole recording in this process. Blocks.

    Args:
        source: a seekable binary stream, read from its beginning and left open, or a file.
        options: how to read it.
        limits: checked against what the header declares and against what was decoded so far, so
            a small file cannot decode to hours.

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
    """Decodes a whole recording into a sink, at least one sample.

    Args, errors: as for `decode_audio`; `stream` is seekable.
    """
    notices = NoticeCollector(strict=options.strict)
    if options.raw is not None:
        options.raw.check_size(stream.seek(0, os.SEEK_END))
        reader: Reader = SoundFileReader(
            stream, "raw PCM", limits=limits, raw=options.raw, channel=options.channel
        )
        with closing(reader):
            _read(reader, "raw PCM", limits, sink)
        return Decoded()
    sniffed = sniff(stream)
    name = sniffed.container.value
    if sniffed.padding:
        notices.add(
            "padding_skipped",
            f"The first {sniffed.padding:,} bytes, before the {name} file in it, are zeros or a "
            "tag; they were passed over.",
        )
    body = _view(stream, sniffed.start)
    extent = _measure(body, sniffed, limits, notices)
    body = _view(stream, sniffed.start, extent.patches)
    reader = _choose_reader(body, sniffed, extent, options=options, limits=limits, notices=notices)
    with closing(reader):
        peak = _read(reader, name, limits, sink)
    info = reader.info
    if info is not None and len(info.tracks) > 1 and peak < SILENCE_PEAK:
        _note_silent_track(body, sniffed, info, limits, notices)
    return Decoded(info, notices.collected)


def _measure(
    stream: BinaryIO, sniffed: Sniffed, limits: AudioLimits, notices: NoticeCollector
) -> Extent:
    """Returns the extent of a file; refuses one that was cut short."""
    name, size = sniffed.container.value, sniffed.size - sniffed.start
    if sniffed.container is Container.MP4:
        extent = Extent.of(*measure_mp4(stream, size, limits))
        stream.seek(0)
    else:
        extent = measure(stream, sniffed.container, size)
    extent.check(name)
    if extent.foreign > min(_MAX_FOREIGN_SHARE * size, _MAX_FOREIGN_BYTES):
        raise AudioError(
            f"The {name} file is damaged: {extent.foreign:,} of its {size:,} bytes belong to no "
            "part of it."
        )
    if extent.foreign:
        notices.add(
            "missing_data",
            f"{extent.foreign:,} bytes of the {name} file are damaged; what they held is silence.",
        )
    return extent


def _choose_reader(
    stream: BinaryIO,
    sniffed: Sniffed,
    extent: Extent,
    *,
    options: DecodeOptions,
    limits: AudioLimits,
    notices: NoticeCollector,
) -> Reader:
    """Opens the file with libsndfile where that loses nothing, otherwise with FFmpeg."""
    name = sniffed.container.value
    if FORMATS[sniffed.container].by_libsndfile and not extent.open_ended:
        try:
            reader = SoundFileReader(stream, name, limits=limits, channel=options.channel)
        except UnreadableError as error:
            if not extent.has_data:
                raise AudioError(
                    f"The {name} file cannot be opened: no audio data is where its header leads. "
                    "It is damaged or cut short."
                ) from error
        else:
            if options.track is not None and reader.info is not None:
                find_track(reader.info.tracks, options.track, name)
            return reader
    return PyAVReader(
        stream,
        sniffed,
        limits=limits,
        notices=notices,
        track=options.track,
        channel=options.channel,
    )


def _read(reader: Reader, name: str, limits: AudioLimits, sink: SampleSink) -> float:
    """Resamples all blocks of a reader into a sink; returns the largest absolute sample."""
    if reader.declared is not None:
        limits.check(reader.declared)
    resampler = Resampler()
    samples, seconds, peak, first = 0, 0.0, 0.0, np.zeros(1, dtype=np.float32)
    for block in reader.blocks():
        if not seconds:
            first = block.samples[:1].copy()
        seconds += block.samples.size / block.rate
        limits.check(seconds)
        peak = max(peak, float(np.max(np.abs(block.samples), initial=0.0)))
        for part in resampler.push(block):
            samples += part.size
            sink.append(part)
    if not seconds:
        raise AudioError(f"The {name} file holds no audio samples.")
    for part in resampler.finish():
        samples += part.size
        sink.append(part)
    if not samples:
        # The file is shorter than one sample at 16 kHz; keep its first value.
        sink.append(first)
    return peak


def _view(stream: BinaryIO, start: int, patches: dict[int, bytes] | None = None) -> BinaryIO:
    """Returns the stream itself where nothing is left out or replaced, else a view of it."""
    if not start and not patches:
        return stream
    return cast("BinaryIO", PatchedView(stream, start, patches))


def _note_silent_track(
    stream: BinaryIO,
    sniffed: Sniffed,
    info: AudioInfo,
    limits: AudioLimits,
    notices: NoticeCollector,
) -> None:
    """Adds a notice where the track that was read is silent and another has sound.

    A screen recorder leaves such a file when the microphone is off.

    Raises:
        AudioError: notices are refused.
    """
    others = [track.index for track in info.tracks if track.index != info.track]
    for index in others[:_MAX_SEARCHED_TRACKS]:
        if _has_sound(stream, sniffed, index, limits):
            notices.add(
                "silent_track",
                f"Track {info.track} of {len(info.tracks)}, which was read, is silent, and track "
                f"{index} has sound: send track={index} to read that one.",
            )
            return


def _has_sound(stream: BinaryIO, sniffed: Sniffed, index: int, limits: AudioLimits) -> bool:
    seconds = 0.0
    try:
        reader = PyAVReader(
            stream, sniffed, limits=limits, notices=NoticeCollector(), track=str(index)
        )
        with closing(reader):
            for block in reader.blocks():
                if np.abs(block.samples).max(initial=0.0) >= SILENCE_PEAK:
                    return True
                seconds += block.samples.size / block.rate
                if seconds > _SEARCHED_SECONDS:
                    break
    except AudioError:
        # A track that cannot be read cannot be recommended.
        return False
    return False
