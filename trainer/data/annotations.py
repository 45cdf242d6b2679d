"""Reads Praat TextGrid and ELAN files beside their audio; each interval is one candidate.

Every tier with times is a speaker, every interval with text an utterance; its audio is the part
of the file between its two times. A tier that repeats another word by word is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pympi
from praatio import textgrid

from trainer.data.audio import FileAudio
from trainer.data.candidate import Candidate
from trainer.errors import DataError

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")

ANNOTATIONS = (".textgrid", ".eaf")
"""The endings of annotation files."""

ALL_SPEAKERS = "utterances"
"""The service's own tier of all that was said; it names no speaker."""

_SLACK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Interval:
    """The speech between two times, in seconds; `tier` is the name of its tier."""

    tier: str
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class AnnotationSource:
    """A folder of annotated recordings, and the folders in it."""

    folder: Path

    def candidates(self, split: str) -> Iterator[Candidate]:  # noqa: ARG002 - a folder is one split
        """Yields every interval; a file without audio or that cannot be read is one dropped row.

        Raises:
            DataError: the folder holds no annotations.
        """
        files = sorted(
            file for file in self.folder.rglob("*") if file.suffix.lower() in ANNOTATIONS
        )
        if not files:
            raise DataError(f"{self.folder} holds no files {' or '.join(ANNOTATIONS)}")
        for file in files:
            yield from _candidates(file)

    def note(self, split: str) -> str | None:  # noqa: ARG002 - a folder is one split
        """Returns None: a folder has no description."""
        return None


def read_intervals(file: Path) -> tuple[list[Interval], Path | None]:
    """Returns the intervals with text of an annotation file, and its audio where there is some.

    Raises:
        DataError: the file cannot be read.
    """
    if file.suffix.lower() == ".eaf":
        intervals, audio = _read_eaf(file)
    else:
        intervals, audio = _read_textgrid(file), _beside(file)
    return _without_repeated(intervals), audio


def _without_repeated(intervals: list[Interval]) -> list[Interval]:
    """Leaves out the tiers that have the words of another one in smaller parts.

    Such are those of words that the service, and programs that align, write beside the utterances.
    """
    tiers: dict[str, list[Interval]] = {}
    for interval in intervals:
        tiers.setdefault(interval.tier, []).append(interval)
    repeated = {
        part
        for whole in tiers
        for part in tiers
        if part != whole and _repeats(tiers[part], tiers[whole])
    }
    return [interval for interval in intervals if interval.tier not in repeated]


def _repeats(parts: Sequence[Interval], whole: Sequence[Interval]) -> bool:
    """Returns whether intervals have the words of others, in more pieces within their times."""
    if len(parts) <= len(whole) and not _is_word_tier(parts, whole):
        return False
    texts = [" ".join(interval.text for interval in tier).split() for tier in (parts, whole)]
    if texts[0] != texts[1]:
        return False
    place = 0
    for part in parts:
        while place < len(whole) and whole[place].end + _SLACK_SECONDS < part.end:
            place += 1
        if place == len(whole) or part.start < whole[place].start - _SLACK_SECONDS:
            return False
    return True


def _is_word_tier(parts: Sequence[Interval], whole: Sequence[Interval]) -> bool:
    """Returns whether a tier is called as that of the words; there may be a word an utterance."""
    name, other = parts[0].tier, whole[0].tier
    return len(parts) == len(whole) and name in {f"{other} words", "words"}


def _candidates(file: Path) -> Iterator[Candidate]:
    try:
        intervals, audio = read_intervals(file)
    except DataError as error:
        yield Candidate(None, None, "", "", dropped="broken annotations", detail=str(error))
        return
    if audio is None:
        reason = "annotations without audio"
        yield Candidate(None, None, "", "", dropped=reason, detail=str(file))
        return
    for interval in intervals:
        yield Candidate(
            audio=FileAudio(audio, interval.start, interval.end),
            text=interval.text,
            language="",
            speaker="" if interval.tier == ALL_SPEAKERS else interval.tier,
        )


def _read_textgrid(file: Path) -> list[Interval]:
    try:
        grid = textgrid.openTextgrid(
            str(file),
            includeEmptyIntervals=False,
            reportingMode="silence",
            duplicateNamesMode="rename",
        )
    except Exception as error:  # praatio lets whatever its parsing meets come through
        raise DataError(f"{file} is no TextGrid that can be read: {error}") from error
    return [
        Interval(tier.name, entry.start, entry.end, entry.label)
        for tier in grid.tiers
        if isinstance(tier, textgrid.IntervalTier)
        for entry in tier.entries
    ]


def _read_eaf(file: Path) -> tuple[list[Interval], Path | None]:
    try:
        document = pympi.Eaf(str(file), suppress_version_warning=True)
        intervals = [
            Interval(tier, start / 1000, end / 1000, text)
            for tier in document.get_tier_names()
            # What lies below another tier repeats it: its words, its sounds, its translation.
            if document.get_parameters_for_tier(tier).get("PARENT_REF") is None
            for start, end, text in document.get_annotation_data_for_tier(tier)
            if text and start is not None and end is not None
        ]
        linked = [
            PurePosixPath(media.get("RELATIVE_MEDIA_URL") or media["MEDIA_URL"]).name
            for media in document.get_linked_files()
        ]
    except Exception as error:  # pympi raises Exception itself
        raise DataError(f"{file} is no ELAN document that can be read: {error}") from error
    named = (file.parent / name for name in linked)
    return intervals, next((path for path in named if path.is_file()), _beside(file))


def _beside(file: Path) -> Path | None:
    places = (file.with_suffix(suffix) for suffix in AUDIO_SUFFIXES)
    return next((place for place in places if place.is_file()), None)
