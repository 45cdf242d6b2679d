"""Puts the words of a transcript on a clock of whole milliseconds, one after the other.

Every writer starts from this timeline, so that all formats agree on the times.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ..contract.answers import Transcript, Word
from ..contract.segments import words_of_segments

# XML 1.0 has no way to write these, and a lone surrogate is no UTF-8.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

# Thirty years: a transcript of another origin may have any times.
_MAX_SECONDS = 1e9


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word without line breaks or control characters; times in milliseconds."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """One or more words of one speaker between two pauses; times in milliseconds.

    `speaker` is None where speakers are not told apart.
    """

    words: tuple[TimedWord, ...]
    speaker: str | None = None

    @property
    def text(self) -> str:
        """The words, with single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def start(self) -> int:
        """Of the first word."""
        return self.words[0].start

    @property
    def end(self) -> int:
        """Of the last word."""
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class Timeline:
    """Words that last a millisecond or more, none beyond `duration` [ms].

    The utterances are in the order of their times. Those of one speaker do not overlap, and
    without speakers none do.
    """

    utterances: tuple[Utterance, ...]
    duration: int

    @property
    def has_speakers(self) -> bool:
        """Whether speakers are told apart."""
        return any(utterance.speaker is not None for utterance in self.utterances)

    @property
    def tracks(self) -> "dict[str | None, Timeline]":
        """What each speaker says, in the order of their first words; all of it without speakers."""
        utterances: dict[str | None, list[Utterance]] = {} if self.utterances else {None: []}
        for utterance in self.utterances:
            utterances.setdefault(utterance.speaker, []).append(utterance)
        return {speaker: Timeline(tuple(own), self.duration) for speaker, own in utterances.items()}

    @property
    def turns(self) -> "tuple[Timeline, ...]":
        """What one speaker says until another does; all of it without speakers."""
        return tuple(
            Timeline(tuple(own), self.duration)
            for _, own in groupby(self.utterances, lambda utterance: utterance.speaker)
        )

    @property
    def words(self) -> tuple[TimedWord, ...]:
        """The words of each utterance, in their order."""
        return tuple(word for utterance in self.utterances for word in utterance.words)


def writable(text: str) -> str:
    """Returns a text with single spaces for everything that a line of a file cannot hold."""
    return " ".join(_UNWRITABLE.sub(" ", text).split())


def time_words(transcript: Transcript) -> Timeline:
    """Returns the timeline of a transcript: of the formatted text where it has one."""
    groups = words_of_segments(transcript.written_segments, transcript.written_words)
    segments = [
        [(text, word) for word in group if (text := writable(word.word))] for group in groups
    ]
    count = sum(map(len, segments))
    # Not round(): half a millisecond too much is beyond the end. The addend is for 1.001 * 1000.
    duration = max(int(min(transcript.duration, _MAX_SECONDS) * 1000 + 1e-6), count)
    by_speaker: dict[str | None, list[Word]] = {}
    for segment in segments:
        for _, word in segment:
            by_speaker.setdefault(word.speaker, []).append(word)
    times = {speaker: iter(_times(words, duration)) for speaker, words in by_speaker.items()}
    utterances = tuple(
        Utterance(
            tuple(
                TimedWord(text, *next(times[word.speaker]), word.confidence)
                for text, word in segment
            ),
            _label(segment[0][1].speaker),
        )
        for segment in segments
        if segment
    )
    return Timeline(utterances, duration)


def _label(speaker: str | None) -> str | None:
    return speaker if speaker is None else writable(speaker) or "_"


def tier_names(timeline: Timeline) -> dict[tuple[str, str], Timeline]:
    """Returns what each pair of tiers holds, by the names of the tiers of utterances and of words.

    The names are `utterances` and `words`; with speakers the speaker's label, and the label with
    ` words` after it, as `S1` and `S1 words`.
    """
    if not timeline.has_speakers:
        return {("utterances", "words"): timeline}
    named: dict[tuple[str, str], Timeline] = {}
    taken: set[str] = set()
    for speaker, track in timeline.tracks.items():
        # Words without a speaker may stand among others with one.
        pair = ("utterances", "words") if speaker is None else (speaker, f"{speaker} words")
        # No two tiers have the same name, whatever the speakers are called.
        while not taken.isdisjoint(pair):
            pair = (f"{pair[0]}_", f"{pair[1]}_")
        taken.update(pair)
        named[pair] = track
    return named


def _times(words: Sequence[Word], duration: int) -> list[tuple[int, int]]:
    """Returns rounded starts and ends; a word lasts a millisecond or more."""
    times: list[tuple[int, int]] = []
    reached = 0
    for word in words:
        start = max(reached, round(min(word.start, _MAX_SECONDS) * 1000))
        reached = max(start + 1, round(min(word.end, _MAX_SECONDS) * 1000))
        times.append((start, reached))
    limit = duration
    for i in range(len(times) - 1, -1, -1):
        start, end = times[i]
        if end <= limit:
            break
        times[i] = (min(start, limit - 1), limit)
        limit = times[i][0]
    return times
