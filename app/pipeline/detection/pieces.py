"""Cuts speech into pieces that are long enough to have a language, and recordings between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.audio import SAMPLE_RATE, Span

MIN_SECONDS = 2.0
"""A piece has at least so much speech, where there is so much: less hardly tells languages apart,
and more joins utterances across changes of the language."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Utterances that are taken to be in one language."""

    spans: tuple[Span, ...]

    @property
    def start(self) -> int:
        """Sample at which the first one begins."""
        return self.spans[0].start

    @property
    def stop(self) -> int:
        """Sample before which the last one ends."""
        return self.spans[-1].stop

    @property
    def seconds(self) -> float:
        """Length of the speech."""
        return sum(span.seconds for span in self.spans)


def first_speech(spans: Iterable[Span], seconds: float) -> tuple[Span, ...]:
    """Returns the first of some utterances; the last one is cut where they are longer in all."""
    left = round(seconds * SAMPLE_RATE)
    found: list[Span] = []
    for span in spans:
        if left <= 0:
            break
        found.append(Span(span.start, min(span.stop, span.start + left)))
        left -= span.samples
    return tuple(found)


def speech_pieces(spans: Sequence[Span], min_seconds: float = MIN_SECONDS) -> list[Piece]:
    """Returns the utterances of a recording, in order, short ones joined to their neighbours.

    One that is shorter than the minimum joins the neighbour across the shorter pause.

    Args:
        spans: utterances, in order.
        min_seconds: of speech in a piece; fewer only where there are fewer in all.
    """
    pieces: list[Piece] = []
    for span in spans:
        last = pieces[-1] if pieces else None
        if last is None or last.seconds >= min_seconds:
            pieces.append(Piece((span,)))
        elif len(pieces) == 1 or span.start - last.stop <= last.start - pieces[-2].stop:
            pieces[-1] = Piece((*last.spans, span))
        else:
            pieces[-2:] = [Piece((*pieces[-2].spans, *last.spans)), Piece((span,))]
    if len(pieces) > 1 and pieces[-1].seconds < min_seconds:
        pieces[-2:] = [Piece((*pieces[-2].spans, *pieces[-1].spans))]
    return pieces


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a recording in one language.

    Attributes:
        span: the part, up to the middle of the pauses around it.
        language: number of the language.
        first: number of its first piece.
        last: number of its last piece.
    """

    span: Span
    language: int
    first: int
    last: int


def language_runs(pieces: Sequence[Piece], languages: Sequence[int], samples: int) -> list[Run]:
    """Returns the parts of a recording that are each in one language, which make up all of it.

    Args:
        pieces: of the recording, in order; at least one.
        languages: number of the language of each.
        samples: length of the recording.
    """
    first = [
        index
        for index in range(len(pieces))
        if index == 0 or languages[index] != languages[index - 1]
    ]
    middles = [(pieces[index - 1].stop + pieces[index].start) // 2 for index in first[1:]]
    return [
        Run(Span(start, stop), languages[begin], begin, end - 1)
        for begin, end, start, stop in zip(
            first, [*first[1:], len(pieces)], [0, *middles], [*middles, samples], strict=True
        )
    ]
