"""Joins the transcripts of the channels of one recording, as of an interview or a call."""

from collections.abc import Sequence
from dataclasses import replace

from app.audio import DecodeOptions, Recording
from app.contract.answers import Segment, Transcript, Word, mean_confidence
from app.contract.redaction import all_redactions
from app.contract.segments import speakers_of, words_of_segments
from app.errors import InvalidRequestError
from app.pipeline.detection.joining import in_language, mean_languages, with_languages
from app.pipeline.passes import total_timing

MAX_CHANNELS = 8
"""A recording with more is refused: each channel costs as much as a recording."""


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


def join_channels(transcripts: Sequence[Transcript]) -> Transcript:
    """Returns one transcript of all channels, whose segments are in the order in which they begin.

    The speaker of what is said in the first channel is `channel 0`. Words are in the order of the
    segments, so that those of one segment stay together where people speak at once.

    Args:
        transcripts: of each channel, in order; at least one.
    """
    transcripts = [_with_own_language(item) for item in transcripts]
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
        timing=total_timing([item.timing for item in transcripts]),
        speakers=speakers_of(segments, labels),
        channels=len(transcripts),
        redactions=all_redactions([(0.0, item.redactions) for item in transcripts]),
    )
    if first.languages is not None:
        joined = with_languages(
            joined, mean_languages([(_speech(item), item.languages or ()) for item in transcripts])
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


def _with_own_language(transcript: Transcript) -> Transcript:
    """Returns the transcript of a channel whose segments name the language that was detected."""
    segments = transcript.segments
    if not transcript.languages or (segments and segments[0].language is not None):
        return transcript
    return in_language(transcript, transcript.languages[0])


def _speech(transcript: Transcript) -> float:
    return sum(segment.end - segment.start for segment in transcript.segments)


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
