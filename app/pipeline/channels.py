"""Joins the transcripts of the channels of one recording, as of an interview or a call."""

from collections.abc import Sequence
from dataclasses import replace

from app.audio import DecodeOptions, Recording
from app.contract.answers import Segment, Timing, Transcript, Word, mean_confidence
from app.contract.redaction import Redaction
from app.contract.segments import speakers_of, words_of_segments
from app.errors import InvalidRequestError
from app.pipeline.groups import EmissionStore, HalfPrecision
from app.pipeline.requests import Progress

MAX_CHANNELS = 8
"""A recording with more is refused: each channel costs as much as a recording."""


class ChannelEmissions:
    """Keeps the emissions of one channel among those of its recording.

    Args:
        kept: of the recording.
        channel: from 0.
    """

    def __init__(self, kept: EmissionStore, channel: int) -> None:
        self._kept = kept
        self._channel = channel

    def begin(self, duration: float) -> None:
        """See `EmissionStore`."""
        self._kept.begin(duration)

    async def load(self, name: str) -> HalfPrecision | None:
        """See `EmissionStore`."""
        return await self._kept.load(self._named(name))

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        """See `EmissionStore`."""
        await self._kept.save(self._named(name), emissions)

    def _named(self, name: str) -> str:
        return f"{name}-channel{self._channel}"


def count_channels(recording: Recording, options: DecodeOptions) -> int:
    """Returns how many channels a recording has, of which one was decoded.

    Raises:
        InvalidRequestError: there are more than `MAX_CHANNELS`.
    """
    if options.raw is not None:
        channels = options.raw.channels
    elif recording.info is None:
        channels = 1
    else:
        read = recording.info.track
        channels = next(item.channels for item in recording.info.tracks if item.index == read)
    if channels > MAX_CHANNELS:
        raise InvalidRequestError(
            f"The recording has {channels} channels; accepted with channels=separate: at most "
            f"{MAX_CHANNELS}.",
            param="channels",
        )
    return channels


def progress_of_channel(progress: Progress, channel: int, channels: int) -> Progress:
    """Returns the callback for the progress of one channel, which reports that of all of them.

    Args:
        progress: of the recording.
        channel: from 0; those before it are done.
        channels: how many there are.
    """

    def encoded(done: int, windows: int) -> None:
        progress(channel * windows + done, channels * windows)

    return encoded


def join_channels(transcripts: Sequence[Transcript]) -> Transcript:
    """Returns one transcript of all channels, whose segments are in the order in which they begin.

    The speaker of what is said in the first channel is `channel 0`. Words are in the order of the
    segments, so that those of one segment stay together where people speak at once.

    Args:
        transcripts: of each channel, in order; at least one.
    """
    first = transcripts[0]
    words, segments = _joined([(item.segments, item.words) for item in transcripts])
    labels = {_label(channel): channel for channel in range(len(transcripts))}
    joined = replace(
        first,
        text=" ".join(segment.text for segment in segments),
        words=words,
        segments=segments,
        confidence=mean_confidence(words),
        duration=max(item.duration for item in transcripts),
        timing=_total([item.timing for item in transcripts]),
        speakers=speakers_of(segments, labels),
        channels=len(transcripts),
        redactions=_all_redactions(transcripts),
    )
    if first.formatted_text is None:
        return joined
    formatted_words, formatted_segments = _joined(
        [(item.formatted_segments or (), item.formatted_words or ()) for item in transcripts]
    )
    return replace(
        joined,
        formatted_text=" ".join(segment.text for segment in formatted_segments),
        formatted_words=formatted_words,
        formatted_segments=formatted_segments,
    )


def _all_redactions(transcripts: Sequence[Transcript]) -> tuple[Redaction, ...] | None:
    if transcripts[0].redactions is None:
        return None
    found = [item for transcript in transcripts for item in transcript.redactions or ()]
    return tuple(sorted(found, key=lambda item: item.start))


def _label(channel: int) -> str:
    return f"channel {channel}"


def _joined(
    channels: Sequence[tuple[Sequence[Segment], Sequence[Word]]],
) -> tuple[tuple[Word, ...], tuple[Segment, ...]]:
    pieces = [
        (
            replace(segment, speaker=_label(channel)),
            [replace(w, speaker=_label(channel)) for w in own],
        )
        for channel, (segments, words) in enumerate(channels)
        for segment, own in zip(segments, words_of_segments(segments, words), strict=True)
    ]
    pieces.sort(key=lambda piece: piece[0].start)
    return (
        tuple(word for _, own in pieces for word in own),
        tuple(replace(segment, id=index) for index, (segment, _) in enumerate(pieces)),
    )


def _total(timings: Sequence[Timing]) -> Timing:
    return Timing(
        queue=sum(timing.queue for timing in timings),
        decode_audio=sum(timing.decode_audio for timing in timings),
        encode=sum(timing.encode for timing in timings),
        decode_text=sum(timing.decode_text for timing in timings),
        real_time_factor=0.0,
    )
