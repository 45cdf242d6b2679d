"""Reads a corrected transcript: the service's JSON, a text, SubRip or WebVTT."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pydantic import ValidationError

from app.contract.answers import Segment, Speaker, Transcript, Word, mean_confidence
from app.contract.segments import segment_of, speakers_of
from app.corrections.matching import WrittenLine, match
from app.formats import NoSubtitlesError, read_subtitles
from app.rendering import GivenTranscript

JSON = "application/json"
TEXT = "text/plain"
SUBTITLES = ("application/x-subrip", "text/srt", "text/vtt")
ACCEPTED = (JSON, TEXT, *SUBTITLES)
"""Media types of corrected transcripts."""

# What the formats write before a paragraph, or before one of two replies in a subtitle.
_TIME = re.compile(r"\[\d+:\d\d:\d\d\]\s*")
_DASH = re.compile(r"[-–]\s+")
# Times are rounded to milliseconds where they are written.
_SLACK_SECONDS = 0.01


class CorrectionFormatError(ValueError):
    """A body is no corrected transcript of its media type."""


def read_correction(body: bytes, media_type: str, original: Transcript) -> Transcript:
    """Returns a transcript as it was corrected.

    Words of a text or of subtitles have the times of what was recognised; the times of cues are
    not used. Of the service's JSON, the words with their times and speakers are used.

    Args:
        body: the corrected transcript.
        media_type: one of `ACCEPTED`.
        original: as it was recognised.

    Returns:
        `original` with one text, as it was written: without alternatives, and without a formatted
        text beside it.

    Raises:
        CorrectionFormatError: the body is not of the media type, is empty, or has words beyond
            the end of the recording.
    """
    if media_type == JSON:
        return _of_json(body, original)
    text = _decoded(body)
    labels = [speaker.speaker for speaker in original.speakers or ()]
    if media_type in SUBTITLES:
        lines = list(_named(_cue_lines(text), labels))
    else:
        lines = list(_named(text.splitlines(), labels))
    if not any(line.text.split() for line in lines):
        raise CorrectionFormatError("there is no text in it")
    groups = match(original, lines)
    words = [word for group in groups for word in group]
    return _corrected(original, words, [segment_of(*item) for item in enumerate(groups)])


def _of_json(body: bytes, original: Transcript) -> Transcript:
    try:
        given = GivenTranscript.model_validate_json(body)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, issue["loc"])) or "the body"
        reason = str(issue["msg"]).removeprefix("Value error, ")
        raise CorrectionFormatError(f"{place}: {reason}") from None
    written = given.transcript()
    if _is_verbatim_corrected(written, original):
        written = replace(
            written, formatted_text=None, formatted_words=None, formatted_segments=None
        )
    words = _tokens(word.word for word in written.written_words)
    for name, parts in (
        ("text", [written.written_text]),
        ("segments", _segment_texts(given, written)),
    ):
        if parts is not None and _tokens(parts) != words:
            raise CorrectionFormatError(
                f"its {name} and its words differ; correct the words, or send the text alone as "
                f"{TEXT}"
            )
    for word in written.written_words:
        if word.end > original.duration + _SLACK_SECONDS:
            raise CorrectionFormatError(
                f"{word.word!r} ends at {word.end:g} s, after the end of the recording "
                f"({original.duration:g} s)"
            )
    return _corrected(original, written.written_words, written.written_segments)


def _is_verbatim_corrected(written: Transcript, original: Transcript) -> bool:
    """Returns whether the verbatim words were corrected, and the formatted ones were left."""
    return (
        written.formatted_words is not None
        and original.formatted_words is not None
        and _tokens(word.word for word in written.words)
        != _tokens(word.word for word in original.words)
        and _tokens(word.word for word in written.formatted_words)
        == _tokens(word.word for word in original.formatted_words)
    )


def _segment_texts(given: GivenTranscript, written: Transcript) -> list[str] | None:
    """Returns the texts of the segments as they were sent; None where none were."""
    formatted = written.formatted_words is not None
    segments = given.formatted_segments if formatted else given.segments
    return None if segments is None else [segment.text for segment in segments]


def _tokens(texts: Iterable[str]) -> list[str]:
    """Returns the words of texts, in an order that does not depend on who speaks at once."""
    return sorted(token for text in texts for token in text.split())


def _corrected(
    original: Transcript, words: Sequence[Word], segments: Sequence[Segment]
) -> Transcript:
    return replace(
        original,
        text=" ".join(word.word for word in words),
        words=tuple(words),
        segments=tuple(segments),
        confidence=mean_confidence(words),
        formatted_text=None,
        formatted_words=None,
        formatted_segments=None,
        alternatives=None,
        speakers=_speakers(original, segments),
    )


def _speakers(original: Transcript, segments: Sequence[Segment]) -> tuple[Speaker, ...] | None:
    """Returns who speaks now; those who spoke before keep their channels."""
    channels = {speaker.speaker: speaker.channel for speaker in original.speakers or ()}
    found = speakers_of(segments)
    if original.speakers is None and not found:
        return None
    return tuple(replace(speaker, channel=channels.get(speaker.speaker)) for speaker in found)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CorrectionFormatError("it is not in UTF-8") from None


def _cue_lines(text: str) -> Iterator[str]:
    try:
        cues = read_subtitles(text)
    except NoSubtitlesError as error:
        raise CorrectionFormatError(str(error)) from None
    for cue in cues:
        for line in cue.lines:
            yield _DASH.sub("", line, count=1) if _DASH.match(line) else line


def _named(lines: Iterable[str], labels: Sequence[str]) -> Iterator[WrittenLine]:
    """Yields lines without times and labels; those below a label are of its speaker.

    Where speakers are told apart and none is named, the words that stay have theirs.
    """
    # "S1: a" may be a label too, and begins as "S1" does.
    known = sorted(labels, key=len, reverse=True)
    speaker: str | None = None
    for line in lines:
        rest = _TIME.sub("", line.strip(), count=1) if _TIME.match(line.strip()) else line.strip()
        label = next((label for label in known if rest.startswith(f"{label}:")), None)
        if label is not None:
            speaker, rest = label, rest[len(label) + 1 :]
        yield WrittenLine(rest.strip(), speaker)
