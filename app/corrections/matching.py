"""Times the words of a corrected text by those that were recognised.

Words that stay keep their times; what stands in place of others shares theirs.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from app.contract.answers import Transcript, Word
from app.contract.segments import words_of_segments
from app.corrections.anchors import compare

WRITTEN = 1.0
"""Confidence of a word that a person wrote."""

# Words in a pause do not take up all of it, which would join what is said before and after.
_LETTER_SECONDS = 0.08

_PUNCTUATION = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line of a corrected text; `speaker` is None where the line does not name one."""

    text: str
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    """A word without spaces, and the index of the segment that it belongs to."""

    word: Word
    segment: int


def match(original: Transcript, lines: Sequence[WrittenLine]) -> tuple[tuple[Word, ...], ...]:
    """Returns the words of a corrected text with times, one group for each segment.

    Args:
        original: as it was recognised.
        lines: of the corrected text.

    Returns:
        Words whose times do not decrease, in the segments that they had. One that was recognised
        keeps its confidence and its speaker; any other has the confidence `WRITTEN` and the
        speaker of the words that it replaces or follows. A speaker that a line names takes
        precedence, and begins another group.
    """
    return tuple(map(tuple, _grouped(_matched(original, lines))))


def normal_form(word: str) -> str:
    """Returns a word without case and punctuation; unchanged where nothing else is left."""
    return _PUNCTUATION.sub("", word.casefold()) or word


def _matched(original: Transcript, lines: Sequence[WrittenLine]) -> list[_Token]:
    known = _tokens(original)
    written = [(text, line.speaker) for line in lines for text in line.text.split()]
    blocks = compare(
        [normal_form(token.word.word) for token in known],
        [normal_form(text) for text, _ in written],
    )
    found: list[_Token] = []
    for is_equal, first, stop, begin, end in blocks:
        texts = [text for text, _ in written[begin:end]]
        if is_equal:
            found += [
                replace(token, word=replace(token.word, word=text))
                for token, text in zip(known[first:stop], texts, strict=True)
            ]
        else:
            found += _placed(texts, known, first, stop, original.duration)
    return [
        token if speaker is None else replace(token, word=replace(token.word, speaker=speaker))
        for token, (_, speaker) in zip(found, written, strict=True)
    ]


def _placed(
    texts: Sequence[str], known: Sequence[_Token], first: int, stop: int, duration: float
) -> list[_Token]:
    """Returns written words in place of those from `first` up to `stop`, which may be none."""
    if stop > first:
        start, end = known[first].word.start, known[stop - 1].word.end
        beside = known[first:stop]
    else:
        start = known[first - 1].word.end if first else 0.0
        end = known[first].word.start if first < len(known) else max(start, duration)
        beside = known[max(0, first - 1) : first] or known[:1]
        spoken = _LETTER_SECONDS * sum(map(len, texts))
        if first:
            end = min(end, start + spoken)
        elif known:
            start = max(start, end - spoken)
    placed = []
    for index, (text, (begin, finish)) in enumerate(
        zip(texts, _shares(texts, start, max(start, end)), strict=True)
    ):
        near = beside[index * len(beside) // len(texts)] if beside else None
        word = Word(text, begin, finish, WRITTEN)
        if near is not None:
            word = replace(word, speaker=near.word.speaker, language=near.word.language)
        placed.append(_Token(word, near.segment if near is not None else 0))
    return placed


def _tokens(original: Transcript) -> list[_Token]:
    """Returns the words of a transcript; one with spaces, such as `1 000`, becomes several."""
    words = original.written_words
    groups = words_of_segments(original.written_segments, words)
    found = []
    for segment, group in enumerate(groups):
        for word in group:
            texts = word.word.split()
            for text, (start, end) in zip(texts, _shares(texts, word.start, word.end), strict=True):
                found.append(_Token(replace(word, word=text, start=start, end=end), segment))
    return found


def _shares(texts: Sequence[str], start: float, end: float) -> Iterator[tuple[float, float]]:
    """Yields the times of words that share a stretch by their letters."""
    total, reached, begin = sum(map(len, texts)), 0, start
    for text in texts:
        reached += len(text)
        finish = end if reached == total else start + (end - start) * reached / total
        yield begin, finish
        begin = finish


def _grouped(tokens: Sequence[_Token]) -> Iterator[list[Word]]:
    """Yields the words of each segment, in which all are of one speaker and language."""
    for _, group in groupby(
        tokens, lambda token: (token.segment, token.word.speaker, token.word.language)
    ):
        yield [token.word for token in group]
