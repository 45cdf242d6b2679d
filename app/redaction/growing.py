"""Masks words that arrive bit by bit, each as soon as no later word can change what is masked."""

from collections.abc import Sequence

from app.contract.answers import Word
from app.contract.redaction import Redaction
from app.itn.lexicon import lexicon
from app.redaction.emails import EmailFinder
from app.redaction.masking import find_spans, mask_spans, redactions_of
from app.redaction.numbers import NumberFinder
from app.redaction.options import RedactionOptions, check_language
from app.redaction.spans import Span
from app.redaction.spoken import SpokenDigits, plain

# Words that are kept to know what later ones mean: a word that names a number, for example.
_CONTEXT_WORDS = 40


class GrowingMask:
    """Masks a text that grows by words; the parts together are what the whole text gives.

    Args:
        language: `da`, `nb`, `nn` or `no`.
        options: what to mask.

    Raises:
        InvalidRequestError: there are no rules for the language.
    """

    def __init__(self, language: str, options: RedactionOptions) -> None:
        check_language(language)
        found = lexicon(language)
        assert found is not None
        self._lexicon = found
        self._language = language
        self._options = options
        names = options.names if "names" in options.kinds else ()
        # A hyphen may be spoken as one word or two.
        self._name_words = max((len(name.replace("-", " ").split()) for name in names), default=1)
        self._context: tuple[Word, ...] = ()
        self._held: tuple[Word, ...] = ()
        self._redactions: list[Redaction] = []

    @property
    def held(self) -> tuple[Word, ...]:
        """The words, not masked, that later ones may still change."""
        return self._held

    @property
    def redactions(self) -> tuple[Redaction, ...]:
        """What was masked in the returned words, in order."""
        return tuple(self._redactions)

    def add(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Returns the next masked words, which are final; arguments follow those added before."""
        self._held += tuple(words)
        known, spans = self._found()
        return self._take(known, spans, self._settled(known, spans))

    def finish(self) -> tuple[Word, ...]:
        """Returns all words that are held, masked: what follows does not continue them."""
        known, spans = self._found()
        return self._take(known, spans, len(known))

    def _found(self) -> tuple[tuple[Word, ...], list[Span]]:
        """Returns the context and the held words, and what is to be masked in the latter."""
        known = (*self._context, *self._held)
        first = len(self._context)
        spans = find_spans(known, self._language, self._options)
        return known, [
            Span(max(first, span.start), span.end, span.label) for span in spans if span.end > first
        ]

    def _settled(self, known: Sequence[Word], spans: Sequence[Span]) -> int:
        """Returns the last place before which no later word can change what is masked."""
        numbers = NumberFinder(known, self._lexicon, self._options.kinds)
        emails = EmailFinder(
            known, SpokenDigits([plain(word.word) for word in known], self._lexicon)
        )
        first = len(self._context)
        for place in range(len(known) - max(1, self._name_words - 1), first, -1):
            crossed = (
                any(span.start < place < span.end for span in spans)
                or numbers.may_include(place - 1)
                or ("email" in self._options.kinds and emails.may_cross(place))
            )
            if not crossed:
                return place
        return first

    def _take(self, known: Sequence[Word], spans: Sequence[Span], end: int) -> tuple[Word, ...]:
        """Returns the held words before a place, masked."""
        first = len(self._context)
        taken = known[first:end]
        inside = [
            Span(span.start - first, span.end - first, span.label)
            for span in spans
            if span.end <= end
        ]
        self._redactions += redactions_of(taken, inside)
        self._context = tuple(known[max(0, end - _CONTEXT_WORDS) : end])
        self._held = tuple(known[end:])
        return mask_spans(taken, inside, self._language)
