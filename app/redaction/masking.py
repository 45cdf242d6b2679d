"""Masks what was found in the words of one or several hypotheses of the same recording."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.contract.answers import Word
from app.contract.redaction import Redaction
from app.itn.lexicon import lexicon
from app.redaction.emails import EmailFinder
from app.redaction.names import NameFinder
from app.redaction.numbers import NumberFinder
from app.redaction.options import RedactionOptions, check_language
from app.redaction.spans import Label, Span, join
from app.redaction.spoken import SpokenDigits, plain


@dataclass(frozen=True, slots=True)
class _Interval:
    """What is masked of the recording, in seconds."""

    start: float
    end: float
    speaker: str | None
    label: Label


def mask_hypotheses(
    hypotheses: Sequence[Sequence[Word]], language: str, options: RedactionOptions
) -> tuple[list[tuple[Word, ...]], tuple[Redaction, ...]]:
    """Masks the words of hypotheses of one recording.

    What is found in one hypothesis is masked in all: a number whose check digits fit is often
    listed a second time with one digit misheard. A masked span is one word, a label, with the
    times of the first and last word.

    Args:
        hypotheses: each the words of the whole recording, in order; the best first.
        language: `da`, `nb`, `nn` or `no`.
        options: what to mask.

    Returns:
        The words of each hypothesis, and what was masked in the best, in order.

    Raises:
        InvalidRequestError: there are no rules for the language.
    """
    check_language(language)
    found = [find_spans(words, language, options) for words in hypotheses]
    if len(hypotheses) > 1:
        intervals = {
            _interval(words, span)
            for words, spans in zip(hypotheses, found, strict=True)
            for span in spans
        }
        found = [
            join([*spans, *_covered(words, language, intervals)])
            for words, spans in zip(hypotheses, found, strict=True)
        ]
    masked = [
        mask_spans(words, spans, language) for words, spans in zip(hypotheses, found, strict=True)
    ]
    best = hypotheses[0] if hypotheses else ()
    return masked, redactions_of(best, found[0] if found else ())


def find_spans(words: Sequence[Word], language: str, options: RedactionOptions) -> list[Span]:
    """Returns what is to be masked in words, in order; arguments as `mask_hypotheses`."""
    known = lexicon(language)
    assert known is not None
    spans = list(NumberFinder(words, known, options.kinds).find())
    if "email" in options.kinds:
        digits = SpokenDigits([plain(word.word) for word in words], known)
        spans += EmailFinder(words, digits).find()
    if "names" in options.kinds:
        spans += NameFinder(options.names).find(words)
    return join(spans)


def mask_spans(words: Sequence[Word], spans: Sequence[Span], language: str) -> tuple[Word, ...]:
    """Returns words in which each span, in order, is one word: its label in the language."""
    masked: list[Word] = []
    reached = 0
    for span in spans:
        hidden = words[span.start : span.end]
        masked += words[reached : span.start]
        masked.append(
            replace(
                hidden[0],
                word=span.label.text(language),
                end=hidden[-1].end,
                confidence=sum(word.confidence for word in hidden) / len(hidden),
            )
        )
        reached = span.end
    return (*masked, *words[reached:])


def redactions_of(words: Sequence[Word], spans: Sequence[Span]) -> tuple[Redaction, ...]:
    """Returns what is masked by spans of words."""
    return tuple(
        Redaction(span.label.kind, words[span.start].start, words[span.end - 1].end)
        for span in spans
    )


def _interval(words: Sequence[Word], span: Span) -> _Interval:
    first, last = words[span.start], words[span.end - 1]
    return _Interval(first.start, last.end, first.speaker, span.label)


def _covered(words: Sequence[Word], language: str, intervals: set[_Interval]) -> list[Span]:
    """Returns the words in intervals, and the numbers that directly follow or precede them."""
    known = lexicon(language)
    assert known is not None
    digits = SpokenDigits([plain(word.word) for word in words], known)
    spans = []
    for interval in intervals:
        inside = [i for i, word in enumerate(words) if _is_inside(word, interval)]
        if not inside:
            continue
        start, end = inside[0], inside[-1] + 1
        if interval.label.kind not in ("names", "email"):
            while start > 0 and digits.is_number(start - 1):
                start -= 1
            while end < len(words) and digits.is_number(end):
                end += 1
        spans.append(Span(start, end, interval.label))
    return spans


def _is_inside(word: Word, interval: _Interval) -> bool:
    middle = (word.start + word.end) / 2
    return word.speaker == interval.speaker and interval.start <= middle <= interval.end
