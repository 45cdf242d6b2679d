"""Takes a transcript of several channels apart."""

from collections.abc import Sequence
from dataclasses import replace

from .answers import Segment, Transcript, Word, mean_confidence


def separate_channels(transcript: Transcript) -> tuple[Transcript, ...]:
    """Returns the transcript of each channel, in order; the transcript itself where they are mixed.

    A channel in which nobody speaks has an empty transcript.
    """
    labels = {item.channel: item.speaker for item in transcript.speakers or ()}
    if transcript.channels is None:
        return (transcript,)
    return tuple(
        _of_speaker(transcript, labels.get(channel)) for channel in range(transcript.channels)
    )


def _of_speaker(transcript: Transcript, speaker: str | None) -> Transcript:
    def words(given: Sequence[Word]) -> tuple[Word, ...]:
        return tuple(word for word in given if speaker is not None and word.speaker == speaker)

    def segments(given: Sequence[Segment]) -> tuple[Segment, ...]:
        own = [item for item in given if speaker is not None and item.speaker == speaker]
        return tuple(replace(segment, id=index) for index, segment in enumerate(own))

    own = segments(transcript.segments)
    spoken = words(transcript.words)
    part = replace(
        transcript,
        text=" ".join(segment.text for segment in own),
        words=spoken,
        segments=own,
        confidence=mean_confidence(spoken),
        speakers=None,
        channels=None,
    )
    if transcript.formatted_segments is None:
        return part
    written = segments(transcript.formatted_segments)
    return replace(
        part,
        formatted_text=" ".join(segment.text for segment in written),
        formatted_words=words(transcript.formatted_words or ()),
        formatted_segments=written,
    )
